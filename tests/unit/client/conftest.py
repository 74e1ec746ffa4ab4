"""The servers of these tests are of this process; the client treats them as others."""

from collections.abc import Iterator

import pytest

from pyframework import simple_httpclient


@pytest.fixture(autouse=True)
def as_if_elsewhere() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simple_httpclient, "_accepts_here", lambda host, port: False)
        yield
