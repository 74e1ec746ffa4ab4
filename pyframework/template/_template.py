"""A compiled template."""

import datetime
import itertools
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from pyframework import escape
from pyframework._core.escape import escaped, text
from pyframework.log import app_log
from pyframework.template._code import Code
from pyframework.template._errors import ParseError
from pyframework.template._nodes import Block, Extends
from pyframework.template._parser import Parser
from pyframework.template._reader import Reader
from pyframework.template._whitespace import mode_for
from pyframework.util import ObjectDict, unicode_type

if TYPE_CHECKING:
    from pyframework.template._loader import BaseLoader

_DEFAULT_AUTOESCAPE = "xhtml_escape"
_numbers = itertools.count(1)


class _Unset:
    """Stands for an argument that was not given, where None says something."""


_UNSET = _Unset()


def _joined(page: list[str]) -> bytes:
    whole = "".join(page)
    try:
        return whole.encode()
    except UnicodeEncodeError:
        return whole.encode("utf-8", "surrogateescape")  # bytes that are no UTF-8, put raw


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else text(value).encode()


_plain_escape = escape.xhtml_escape

NAMES: dict[str, Any] = {
    "datetime": datetime,
    "_tt_string_types": (unicode_type, bytes),
    "_tt_text": text,
    "_tt_bytes": _bytes,
    "_tt_joined": _joined,
}


class Template:
    """A template, compiled from its text.

    :arg template_string: the text; bytes are UTF-8
    :arg name: shown in messages; its ending chooses how white space is treated
    :arg loader: finds what the template extends and includes, and gives the defaults of the other arguments
    :arg compress_whitespace: deprecated: True is `whitespace="single"`, False is `"all"`
    :arg autoescape: the name of the function that escapes values, as the template sees it; None: they are not escaped
    :arg whitespace: see `filter_whitespace`
    :raises ParseError: it is not well formed
    :raises SyntaxError: an expression or statement in it is not Python
    """

    def __init__(
        self,
        template_string: str | bytes,
        name: str = "<string>",
        loader: "BaseLoader | None" = None,
        compress_whitespace: bool | _Unset = _UNSET,
        autoescape: str | _Unset | None = _UNSET,
        whitespace: str | None = None,
    ) -> None:
        if not isinstance(compress_whitespace, _Unset):
            if whitespace is not None:
                raise ValueError("give either whitespace or compress_whitespace, which is deprecated, not both")
            whitespace = "single" if compress_whitespace else "all"
        if whitespace is None:
            whitespace = (loader.whitespace if loader is not None else None) or mode_for(name)
        if isinstance(autoescape, _Unset):
            autoescape = _DEFAULT_AUTOESCAPE if loader is None else loader.autoescape
        self.name = escape.native_str(name)
        self.autoescape = autoescape
        self.namespace: dict[str, Any] = {} if loader is None else loader.namespace
        self.body = Parser(self, Reader(self.name, escape.to_unicode(template_string), whitespace)).body()
        self.code = self._python(loader)
        self.loader = loader
        self.compiled = self._compiled()

    def generate(self, **kwargs: Any) -> bytes:
        """Return the page, UTF-8, for these names and those of the loader's `namespace`."""
        namespace: dict[str, Any] = {
            **NAMES,
            "escape": escape.xhtml_escape,  # these may be replaced
            "xhtml_escape": escape.xhtml_escape,
            "url_escape": escape.url_escape,
            "json_encode": escape.json_encode,
            "squeeze": escape.squeeze,
            "linkify": escape.linkify,
            "_tt_utf8": escape.utf8,
            "__name__": self.compiled.co_filename,
            "__loader__": ObjectDict(get_source=lambda name: self.code),  # for the lines in tracebacks
            **self.namespace,
            **kwargs,
        }
        namespace["_tt_escaped_value"] = _escaping_by(namespace["xhtml_escape"])
        page: bytes = FunctionType(self.compiled, namespace)()
        return page

    def _python(self, loader: "BaseLoader | None") -> str:
        templates = self._ancestors(loader)
        blocks: dict[str, Block] = {}
        for template in reversed(templates):
            template.body.find_blocks(loader, blocks)
        frame = templates[-1]
        code = Code(blocks, loader, frame)
        with code.function("_tt_execute", 0):
            code.put_line("_tt_escaped = _tt_escaped_value", 0)
            frame.body.write(code)
        return code.finish()

    def _ancestors(self, loader: "BaseLoader | None") -> "list[Template]":
        """Return this template, that which it extends, and so on."""
        found = [self]
        for node in self.body.nodes:
            if isinstance(node, Extends):
                if loader is None:
                    raise ParseError("{% extends %} needs a template loader", self.name, 1)
                found += loader.load(node.name, self.name)._ancestors(loader)
        return found

    def _compiled(self) -> CodeType:
        """Compile the code under a file name of its own: Python keeps the lines of a file by its name."""
        filename = f"{self.name.replace('.', '_')}.generated{next(_numbers)}.py"
        try:
            module = compile(self.code, filename, "exec", dont_inherit=True)
        except SyntaxError as error:
            app_log.error("%s code:\n%s", self.name, _numbered(self.code))
            error.add_note(f"in the template {self.name}: {_place_of(self.code, error.lineno)}")
            raise
        return next(constant for constant in module.co_consts if isinstance(constant, CodeType))


def _escaping_by(function: Callable[[bytes], str | bytes]) -> Callable[[object], str]:
    """Return what escapes any value by `function`, which may be in place of `xhtml_escape`."""
    return escaped if function is _plain_escape else lambda value: text(function(_bytes(value)))


def _numbered(code: str) -> str:
    return "".join(f"{number:4}  {line}\n" for number, line in enumerate(code.splitlines(), 1))


def _place_of(code: str, lineno: int | None) -> str:
    line = code.splitlines()[lineno - 1] if lineno else ""
    return line.rpartition("  # ")[2] or "at its end"
