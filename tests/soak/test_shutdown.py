"""Two ends under load; for twenty: `python -m tests.soak.shutdown 20`."""

from tests.soak import shutdown


def test_no_request_is_lost() -> None:
    assert shutdown.run(2) >= 2 * shutdown.ANSWERS_BEFORE_THE_END
