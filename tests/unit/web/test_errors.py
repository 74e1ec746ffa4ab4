import copy
import pickle

import pytest

from pyframework.web import Finish, HTTPError, MissingArgumentError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (HTTPError(), "HTTP 500: Internal Server Error"),
        (HTTPError(404, "no %s", "page"), "HTTP 404: Not Found (no page)"),
        (HTTPError(404, "100%"), "HTTP 404: Not Found (100%)"),
        (HTTPError(682, reason="Foo"), "HTTP 682: Foo"),
        (HTTPError(682), "HTTP 682: Unknown"),
        (MissingArgumentError("q"), "HTTP 400: Bad Request (Missing argument q)"),
    ],
)
def test_text(error, text):
    assert str(error) == text


def test_log_message_is_a_format():
    assert HTTPError(400, "50% off").log_message == "50%% off"
    assert HTTPError(400, "%s off", "half").log_message == "%s off"
    assert HTTPError(400, "%s off", "half").args == ("half",)
    assert HTTPError(400).get_message() is None


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_survives_copying(again):
    error = again(HTTPError(403, "to you", reason="Go away"))
    assert (error.status_code, error.reason, error.get_message()) == (403, "Go away", "to you")


def test_finish_takes_last_words():
    assert Finish("bye").args == ("bye",)
