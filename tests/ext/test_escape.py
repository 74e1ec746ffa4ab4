"""Escaping for HTML, of every width of character."""

import enum
import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyframework._core.escape import escaped, text, xhtml_escape


@given(st.text(st.sampled_from("&<>\"'a?\x00\x7fé€\U0001f600")))
def test_as_the_standard_library(value: str) -> None:
    assert xhtml_escape(value) == html.escape(value) == xhtml_escape(value.encode())


def test_text_that_needs_nothing_is_the_same_object() -> None:
    for value in ("", "plain", "é", "€", "\U0001f600"):
        assert xhtml_escape(value) is value


@pytest.mark.parametrize("value", [None, 1, ["<"]])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="expected str or bytes"):
        xhtml_escape(value)  # type: ignore[arg-type]


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(UnicodeDecodeError):
        xhtml_escape(b"\xff")
    assert text(b"\xff").encode("utf-8", "surrogateescape") == b"\xff"


class Shown:
    def __str__(self) -> str:
        return "<shown>"


class Text(str):
    pass


class Colour(str, enum.Enum):  # noqa: UP042  (str() of a StrEnum would be its text)
    RED = "<red>"


@pytest.mark.parametrize(
    ("value", "plain", "safe"),
    [
        ("<", "<", "&lt;"),
        (b"<", "<", "&lt;"),
        (Text("<"), "<", "&lt;"),
        (Colour.RED, "<red>", "&lt;red&gt;"),
        (7, "7", "7"),
        (True, "True", "True"),
        (1.5, "1.5", "1.5"),
        (None, "None", "None"),
        (Shown(), "<shown>", "&lt;shown&gt;"),
    ],
)
def test_values_of_all_kinds(value: object, plain: str, safe: str) -> None:
    assert text(value) == plain
    assert escaped(value) == safe
