import datetime
import doctest
import functools
import gzip
import re
import sys
import types
import unittest
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyframework import util


class Shape(util.Configurable):
    @classmethod
    def configurable_base(cls):
        return Shape

    @classmethod
    def configurable_default(cls):
        return Circle

    def initialize(self, size=1, **kwargs):
        self.size = size
        self.rest = kwargs


class Circle(Shape):
    pass


class Square(Shape):
    pass


class Polygon(Shape):
    """A choice for Shape that is configurable itself."""

    @classmethod
    def configurable_base(cls):
        return Polygon

    @classmethod
    def configurable_default(cls):
        return Triangle


class Triangle(Polygon):
    pass


@pytest.fixture(autouse=True)
def unconfigured():
    saved = [(cls, cls._save_configuration()) for cls in (Shape, Polygon)]
    yield
    for cls, configuration in saved:
        cls._restore_configuration(configuration)


class TestConfigurable:
    def test_base_makes_the_default(self):
        assert type(Shape()) is Circle
        assert Shape.configured_class() is Circle

    def test_base_makes_what_is_configured_by_class(self):
        Shape.configure(Square)
        assert type(Shape()) is Square
        Shape.configure(None)
        assert type(Shape()) is Circle

    def test_base_makes_what_is_configured_by_name(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "shapes", types.SimpleNamespace(Square=Square))
        Shape.configure("shapes.Square")
        assert type(Shape()) is Square

    def test_configured_arguments_give_way_to_the_callers(self):
        Shape.configure(Square, size=5, colour="red")
        assert (Shape().size, Shape().rest) == (5, {"colour": "red"})
        assert Shape(size=7).size == 7

    def test_a_subclass_called_directly_is_not_configured(self):
        Shape.configure(Square, size=5)
        made = Circle()
        assert type(made) is Circle
        assert made.size == 1

    def test_levels_are_configured_separately(self):
        Shape.configure(Polygon, size=3)
        made = Shape()
        assert type(made) is Triangle
        assert made.size == 3
        assert Polygon().size == 1

    def test_save_and_restore(self):
        saved = Shape._save_configuration()
        Shape.configure(Square, size=9)
        Shape._restore_configuration(saved)
        assert type(Shape()) is Circle
        assert Shape().size == 1

    def test_what_is_no_subclass_is_refused(self):
        with pytest.raises(ValueError, match="not a subclass"):
            Shape.configure(dict)
        with pytest.raises(ImportError):
            Shape.configure("no_such_module.Square")
        assert type(Shape()) is Circle

    def test_a_base_must_say_what_it_is(self):
        with pytest.raises(NotImplementedError):
            util.Configurable()

    def test_unknown_arguments_are_an_error(self):
        class Plain(Shape):
            def initialize(self):
                pass

        with pytest.raises(TypeError):
            Plain(colour="red")


def decompress_all(pieces: Iterable[bytes], max_length: int) -> bytes:
    decompressor = util.GzipDecompressor()
    output = b""
    for piece in pieces:
        while piece:
            got = decompressor.decompress(piece, max_length)
            assert len(got) <= max_length
            assert got or len(decompressor.unconsumed_tail) < len(piece)
            output += got
            piece = decompressor.unconsumed_tail
    assert decompressor.flush() == b""
    return output


class TestGzipDecompressor:
    @pytest.mark.parametrize("max_length", [1, 3, 1000])
    def test_any_split_gives_the_same(self, max_length):
        stream = gzip.compress(b"hello hello hello") + gzip.compress(b"") + gzip.compress(b"world")
        for cut in range(len(stream) + 1):
            assert decompress_all([stream[:cut], stream[cut:]], max_length) == b"hello hello helloworld"

    def test_many_empty_members(self):
        assert decompress_all([gzip.compress(b"") * 500], 10) == b""

    def test_the_limit_holds_for_a_bomb(self):
        decompressor = util.GzipDecompressor()
        bomb = gzip.compress(bytes(1 << 20))
        assert decompressor.decompress(bomb, 100) == bytes(100)
        assert decompressor.unconsumed_tail
        with pytest.raises(ValueError, match="unconsumed_tail"):
            decompressor.flush()

    def test_no_limit_is_deprecated_and_takes_everything(self):
        decompressor = util.GzipDecompressor()
        with pytest.warns(DeprecationWarning, match="max_length"):
            assert decompressor.decompress(gzip.compress(b"a") + gzip.compress(b"b")) == b"ab"
        assert decompressor.unconsumed_tail == b""

    @pytest.mark.parametrize(
        "data",
        [
            b"\x1f",
            gzip.compress(b"abc")[:-1],
            gzip.compress(b"abc") + b"\x1f\x8b",
            gzip.compress(b"abc") + b"trailer",
            gzip.compress(b"abc") + b"\0",
            zlib.compress(b"abc"),
            b"plain text",
            gzip.compress(b"abc")[:-8] + bytes(8),
        ],
    )
    def test_what_is_not_whole_gzip_is_an_error(self, data):
        with pytest.raises(zlib.error):
            decompress_all([data], 1000)

    @given(st.binary(max_size=200))
    def test_other_input_raises_nothing_else(self, data):
        try:
            decompress_all([data], 10)
        except zlib.error:
            pass


class TestImportObject:
    def test_modules_submodules_and_members(self):
        import os.path

        assert util.import_object("os") is os
        assert util.import_object("os.path") is os.path
        assert util.import_object("os.path.join") is os.path.join
        assert util.import_object("xml.dom.minidom").__name__ == "xml.dom.minidom"

    @pytest.mark.parametrize("name", ["no_such_module", "no_such_module.x", "os.nothing", "os.path.nothing.x", "os."])
    def test_what_is_missing(self, name):
        with pytest.raises(ImportError):
            util.import_object(name)

    def test_no_name(self):
        with pytest.raises(ValueError):
            util.import_object("")


class TestRaiseExcInfo:
    def test_raises_the_same_object_with_its_traceback(self):
        def fail():
            raise KeyError("x")

        try:
            fail()
        except KeyError:
            exc_info = sys.exc_info()
        with pytest.raises(KeyError) as caught:
            util.raise_exc_info(exc_info)
        assert caught.value is exc_info[1]
        assert "fail" in [entry.name for entry in caught.traceback]

    def test_nothing_to_raise(self):
        with pytest.raises(TypeError, match="no exception"):
            util.raise_exc_info((None, None, None))


@pytest.mark.parametrize(
    "error, errno",
    [(OSError(5, "x"), 5), (OSError("x"), None), (Exception(), None), (Exception(7, "x"), 7), (ValueError("x"), "x")],
)
def test_errno_from_exception(error, errno):
    assert util.errno_from_exception(error) == errno


class TestReUnescape:
    @given(st.text())
    def test_undoes_escape(self, text):
        assert util.re_unescape(re.escape(text)) == text

    @pytest.mark.parametrize("pattern", [r"\d", r"\n", r"a\0", r"\\\w"])
    def test_what_escape_does_not_produce(self, pattern):
        with pytest.raises(ValueError, match="cannot unescape"):
            util.re_unescape(pattern)


class TestObjectDict:
    def test_attributes_are_items(self):
        record = util.ObjectDict(a=1)
        record.b = 2
        assert record == {"a": 1, "b": 2}
        assert record.a == 1

    def test_missing_attribute(self):
        with pytest.raises(AttributeError, match="nothing"):
            _ = util.ObjectDict().nothing


class TestArgReplacer:
    @staticmethod
    def function(first, second, callback=None, last=None):
        pass

    @pytest.mark.parametrize(
        "args, kwargs, expected",
        [
            ((1, 2), {}, (None, (1, 2), {"callback": "new"})),
            ((1, 2, "old", 3), {}, ("old", [1, 2, "new", 3], {})),
            ((1,), {"second": 2, "callback": "old"}, ("old", (1,), {"second": 2, "callback": "new"})),
        ],
    )
    def test_replace(self, args, kwargs, expected):
        replacer = util.ArgReplacer(TestArgReplacer.function, "callback")
        old = replacer.get_old_value(args, kwargs, "none")
        assert old == (expected[0] if expected[0] is not None else "none")
        assert replacer.replace("new", args, kwargs) == expected

    def test_keyword_only_and_unknown_arguments_are_found_by_keyword(self):
        for name in ("only", "unknown"):
            replacer = util.ArgReplacer(lambda a, *, only=None, **rest: None, name)
            assert replacer.replace("new", (1,), {name: "old"}) == ("old", (1,), {name: "new"})

    def test_partial(self):
        replacer = util.ArgReplacer(functools.partial(TestArgReplacer.function, 1), "callback")
        assert replacer.get_old_value((2, "old"), {}) == "old"

    def test_what_has_no_signature(self):
        with pytest.raises(TypeError):
            util.ArgReplacer(5, "callback")


class TestExecIn:
    def test_text_and_code(self):
        namespace = {"x": 2}
        util.exec_in("y = x + 1", namespace)
        util.exec_in(compile("z = y + 1", "file", "exec"), namespace)
        assert (namespace["y"], namespace["z"]) == (3, 4)

    def test_locals_apart(self):
        outer, inner = {}, {}
        util.exec_in("x = 1", outer, inner)
        assert inner == {"x": 1}
        assert "x" not in outer

    def test_bad_source(self):
        with pytest.raises(SyntaxError):
            util.exec_in("x =", {})


class TestWebsocketMask:
    @given(st.binary(min_size=4, max_size=4), st.binary(max_size=100))
    def test_against_the_definition(self, mask, data):
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        assert util._websocket_mask(mask, data) == masked
        assert util._websocket_mask_python(mask, data) == masked

    @pytest.mark.parametrize("mask", [b"", b"abc", b"abcde"])
    def test_a_mask_has_four_bytes(self, mask):
        with pytest.raises(ValueError, match="4 bytes"):
            util._websocket_mask_python(mask, b"data")


def test_timedelta_to_seconds():
    assert util.timedelta_to_seconds(datetime.timedelta(minutes=1, milliseconds=500)) == 60.5


def test_aliases():
    assert util.TimeoutError is TimeoutError
    assert (util.unicode_type, util.basestring_type, util.bytes_type) == (str, str, bytes)


def test_doctests():
    suite = util.doctests()
    assert suite.countTestCases() == 1
    result = unittest.TestResult()
    suite.run(result)
    assert result.wasSuccessful(), result.failures
    assert isinstance(next(iter(suite)), doctest.DocTestCase)
