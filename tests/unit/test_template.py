"""Templates: what they say, and what they say of errors."""

import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyframework import escape
from pyframework.template import DictLoader, Loader, ParseError, Template, filter_whitespace


def render(text: str, **names: Any) -> str:
    return Template(text).generate(**names).decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ x }}", "&lt;b&gt;"),
        ("{% raw x %}", "<b>"),
        ("{{ x, 1 }}", "(&#x27;&lt;b&gt;&#x27;, 1)"),
        ("{{ [\n1,\n2] }}", "[1, 2]"),
        ("{{ 1 # one\n}}", "1"),
        ("{{{ x }}", "{&lt;b&gt;"),
        ("{{{{ x }}", "{{&lt;b&gt;"),
        ("a{b}c{", "a{b}c{"),
        ("a{# x }} #}b", "ab"),
        ("{% comment x %}b", "b"),
        ("{% set y = 2 %}{{ y + 1 }}", "3"),
        ("{% import math %}{{ math.floor(1.5) }}", "1"),
        ("{% from math import floor %}{{ floor(2.5) }}", "2"),
        ("{% if x %}yes{% else %}no{% end %}", "yes"),
        ("{% if not x %}{% elif x %}two{% end %}", "two"),
        ("{% for i in range(3) %}{{ i }}{% else %}!{% end %}", "012!"),
        ("{% set i = 0 %}{% while True %}{% set i += 1 %}{% if i > 3 %}{% break %}{% end %}{{ i }}{% end %}", "123"),
        ("{% try %}a{{ 1/0 }}b{% except ZeroDivisionError %}c{% finally %}d{% end %}", "acd"),
        ("{% try %}{% if x %}a{{ 1/0 }}{% end %}{% except Exception %}c{% end %}", "ac"),
        ("{% apply str.upper %}{% end %}", None),
        ("{% apply lambda body: body.upper() %}a{{ x }}{% end %}", "A&LT;B&GT;"),
        ("{% for i in range(2) %}{% apply lambda body: body * 2 %}{{ i }}{% end %}{% end %}", "0011"),
        ("{% autoescape None %}{{ x }}", "<b>"),
        ("{% autoescape repr %}{{ 'é' }}", "b&#x27;".replace("&#x27;", "'") + "\\xc3\\xa9'"),
        ("{{ json_encode({'a': 1}) }}", "{&quot;a&quot;: 1}"),
        ("{{ url_escape('a b') }} {{ datetime.date(2020, 1, 2) }}", "a+b 2020-01-02"),
        ("{% block a %}text{% end %}", "text"),
    ],
)
def test_what_it_says(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(TypeError):
            render(text, x="<b>")  # the block is bytes
    else:
        assert render(text, x="<b>") == expected


@given(st.text())
def test_text_without_tags_stays(text: str) -> None:
    text = text.replace("{", "(").encode("utf-8", "ignore").decode()
    assert Template(text, whitespace="all").generate() == text.encode()


@given(st.text(st.characters(codec="utf-8")))
def test_values_come_out_as_they_went_in(value: str) -> None:
    assert Template("[{% raw value %}]").generate(value=value) == f"[{value}]".encode()


def test_raw_bytes_that_are_no_text() -> None:
    assert Template("é{% raw value %}").generate(value=b"\xff\x00") == b"\xc3\xa9\xff\x00"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n{{ x", "Missing end expression }} at t:2"),
        ("\n{{ }}", "Empty expression at t:2"),
        ("{% if x", "Missing end block %} at t:1"),
        ("{% %}", "Empty block tag ({% %}) at t:1"),
        ("{# x", "Missing end comment #} at t:1"),
        ("\n\n{% if x %}", "Missing {% end %} block for if at t:3"),
        ("{% end %}", "Extra {% end %} block at t:1"),
        ("{% else %}", "else outside if or for or while or try block at t:1"),
        ("{% if x %}{% except %}{% end %}", "except block cannot be attached to if block at t:1"),
        ("{% continue %}", "continue outside for or while block at t:1"),
        ("{% for i in x %}{% apply f %}{% break %}{% end %}{% end %}", "break outside for or while block at t:1"),
        ("{% nonsense %}", "unknown operator: 'nonsense' at t:1"),
        ("{% apply %}{% end %}", "apply missing method name at t:1"),
        ("{% block %}{% end %}", "block missing name at t:1"),
        ("{% set %}", "set missing what it is about at t:1"),
        ("{% extends 'x' %}", "{% extends %} needs a template loader at t:1"),
        ("\n{% include 'x' %}", "{% include %} needs a template loader at t:2"),
    ],
)
def test_what_is_wrong_names_the_place(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        Template(text, name="t")
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["a\n{{ 1 + }}", "a\n{% if %}{% end %}", "a\n{% set 1 = 2 %}"])
def test_what_is_no_python_names_the_place(text: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SyntaxError) as caught:
        Template(text, name="t.html")
    assert caught.value.__notes__ == ["in the template t.html: t.html:2"]


def test_a_traceback_shows_the_line_of_the_template_that_failed() -> None:
    files = {
        "base.html": "{% block head %}{% end %}\n{% block body %}{% end %}",
        "page.html": "{% extends 'base.html' %}{% block body %}\n{{ 1 }} {{ 2 }}\n{% include 'part.html' %}{% end %}",
        "part.html": "three\n{{ a }}\n{{ missing }}\n{{ b }}",
    }
    template = DictLoader(files).load("page.html")
    with pytest.raises(NameError) as caught:
        template.generate(a=1, b=2)
    shown = "".join(traceback.format_exception(caught.value))
    assert "# part.html:3 (via page.html:3, base.html:2)" in shown
    assert "part.html:2" not in shown and "part.html:4" not in shown


def test_two_templates_of_one_name_have_lines_of_their_own() -> None:
    for text in ("{{ 1/0 }}", "a\n\n{{ 1//0 }}"):
        with pytest.raises(ZeroDivisionError) as caught:
            Template(text, name="same.html").generate()
        shown = "".join(traceback.format_exception(caught.value))
        assert f"# same.html:{text.count(chr(10)) + 1}" in shown


def test_the_name_xhtml_escape_may_be_another_function() -> None:
    seen = []

    def mine(value: bytes) -> bytes:
        seen.append(value)
        return b"[" + value + b"]"

    assert Template("{{ 1 }}{{ 'é' }}").generate(xhtml_escape=mine) == "[1][é]".encode()
    assert seen == [b"1", "é".encode()]
    assert DictLoader({"a": "{{ 2 }}"}, namespace={"xhtml_escape": mine}).load("a").generate() == b"[2]"


def test_blocks_of_three_templates() -> None:
    files = {
        "a": "<{% block x %}a{% end %}|{% block y %}a{% end %}>",
        "b": "{% extends a %}{% block x %}b{% block z %}b{% end %}{% end %}",
        "c": "{% extends b %}{% block z %}c{% end %}ignored",
    }
    loader = DictLoader(files)
    assert [loader.load(name).generate() for name in "abc"] == [b"<a|a>", b"<bb|a>", b"<bc|a>"]


class TestLoader:
    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "page.html").write_text("{% include sub/part.html %}")
        (tmp_path / "sub" / "part.html").write_text("{% include other.html %} {% include ../top.html %}")
        (tmp_path / "sub" / "other.html").write_text("other")
        (tmp_path / "top.html").write_text("tóp", encoding="utf-8")
        loader = Loader(str(tmp_path))
        template = loader.load("page.html")
        assert template.generate() == "other tóp".encode()
        assert loader.load("page.html") is template
        loader.reset()
        assert loader.load("page.html") is not template

    def test_names_that_are_not_relative(self, tmp_path: Path) -> None:
        loader = Loader(str(tmp_path))
        assert loader.resolve_path("a.html") == "a.html"
        assert loader.resolve_path("/a.html", "sub/b.html") == "/a.html"
        assert loader.resolve_path("a.html", "<string>") == "a.html"
        assert loader.resolve_path("../../a.html", "sub/b.html") == "../../a.html"

    def test_one_that_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            Loader(str(tmp_path)).load("none.html")

    def test_arguments_reach_all_templates(self) -> None:
        loader = DictLoader({"a.txt": "{{ x }} \n b"}, autoescape=None, whitespace="oneline", namespace={"x": "<"})
        assert loader.load("a.txt").generate() == b"< b"


class TestWhitespace:
    def test_modes(self) -> None:
        text = "a \t b\n\n  c\n"
        assert filter_whitespace("all", text) == text
        assert filter_whitespace("single", text) == "a b\nc\n"
        assert filter_whitespace("oneline", text) == "a b c "

    def test_an_unknown_one(self) -> None:
        with pytest.raises(ValueError, match="invalid whitespace mode 'none'"):
            Template("{% whitespace none %}")

    def test_by_name_and_argument(self) -> None:
        assert Template("a  b", name="a.html").generate() == b"a b"
        assert Template("a  b", name="a.txt").generate() == b"a  b"
        assert Template("a  b", name="a.html", compress_whitespace=False).generate() == b"a  b"
        assert Template("<pre>a  b", name="a.html").generate() == b"<pre>a  b"
        with pytest.raises(ValueError, match="not both"):
            Template("", compress_whitespace=True, whitespace="all")


def test_escape_s_functions_are_those_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    template = Template("{{ '<' }} {{ escape('<') }} {% raw url_escape(' ') + json_encode(1) + squeeze('a') %}")
    assert template.generate() == b"&lt; &amp;lt; +1a"
    for name in ("xhtml_escape", "url_escape", "json_encode", "squeeze"):
        monkeypatch.setattr(escape, name, lambda value, name=name: name)
    assert template.generate() == b"xhtml_escape xhtml_escape url_escapejson_encodesqueeze"
