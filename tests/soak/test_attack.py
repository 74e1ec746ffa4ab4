"""The attack in small: the good client is served, and the descriptors come back."""

import asyncio
import gc
import sys

import pytest

from tests.soak import attack


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_good_client_is_served_all_the_while() -> None:
    gc.collect()  # what earlier tests left may have descriptors
    good, before, after = asyncio.run(attack.main(20, 160, 320, 160))
    assert good.latencies
    assert after[0] <= before[0]
