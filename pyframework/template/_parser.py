"""From a template's text to its nodes."""

from typing import TYPE_CHECKING

from pyframework.template import _nodes as nodes
from pyframework.template._reader import Reader
from pyframework.template._whitespace import filter_whitespace

if TYPE_CHECKING:
    from pyframework.template._template import Template

# A directive that goes on with a block -> the blocks that it may stand in.
_GOES_ON = {
    "else": ("if", "for", "while", "try"),
    "elif": ("if",),
    "except": ("try",),
    "finally": ("try",),
}
_LOOPS = ("for", "while")
_STATEMENTS = ("if", "try", *_LOOPS)


class Parser:
    """Reads one template."""

    def __init__(self, template: "Template", reader: Reader) -> None:
        self.template = template
        self.reader = reader

    def body(self, block: str | None = None, loop: str | None = None) -> nodes.Body:
        """Return what comes until the end of the text, or of the block that is open.

        :arg block: the directive that opened it
        :arg loop: the loop, if any, that a `break` would end
        """
        reader = self.reader
        found: list[nodes.Node] = []
        while True:
            tag = reader.next_tag()
            if tag == -1:
                if block is not None:
                    reader.fail(f"Missing {{% end %}} block for {block}")
                self._add_text(found, len(reader.text))
                return nodes.Body(found)
            self._add_text(found, tag)
            kind = reader.take(tag + 2)[1]
            if reader.text.startswith("!", reader.at):
                reader.at += 1
                found.append(nodes.Text("{" + kind, reader.line))
            elif kind == "#":
                reader.take_until("#}", "Missing end comment #}")
            elif kind == "{":
                found.append(self._expression())
            elif not self._add_directive(found, block, loop):
                return nodes.Body(found)

    def _add_text(self, found: list[nodes.Node], end: int) -> None:
        line = self.reader.line
        text = self.reader.take(end)
        if text:
            mode = "all" if "<pre>" in text else self.reader.whitespace
            found.append(nodes.Text(filter_whitespace(mode, text), line))

    def _expression(self) -> nodes.Node:
        line = self.reader.line
        expression = self.reader.take_until("}}", "Missing end expression }}")
        if not expression:
            self.reader.fail("Empty expression")
        return nodes.Expression(expression, line)

    def _add_directive(self, found: list[nodes.Node], block: str | None, loop: str | None) -> bool:
        """Read a directive; False if it ends the block that is open."""
        line = self.reader.line
        contents = self.reader.take_until("%}", "Missing end block %}")
        if not contents:
            self.reader.fail("Empty block tag ({% %})")
        operator, _, rest = contents.partition(" ")
        rest = rest.strip()
        if operator == "end":
            if block is None:
                self.reader.fail("Extra {% end %} block")
            return False
        if operator in _GOES_ON:
            self._check_inside(operator, block, _GOES_ON[operator])
            found.append(nodes.GoesOn(contents, line))
        elif operator in ("break", "continue"):
            self._check_inside(operator, loop, _LOOPS)
            found.append(nodes.Statement(contents, line))
        elif operator in _STATEMENTS:
            inner = self.body(operator, operator if operator in _LOOPS else loop)
            found.append(nodes.Control(contents, inner, line))
        elif operator == "apply":
            if not rest:
                self.reader.fail("apply missing method name")
            found.append(nodes.Apply(rest, self.body(operator), line))  # a function of its own: no loop around
        elif operator == "block":
            if not rest:
                self.reader.fail("block missing name")
            found.append(nodes.Block(rest, self.body(operator, loop), self.template, line))
        else:
            self._add_simple(found, operator, rest, contents, line)
        return True

    def _check_inside(self, operator: str, block: str | None, allowed: tuple[str, ...]) -> None:
        if block is None:
            self.reader.fail(f"{operator} outside {' or '.join(allowed)} block")
        if block not in allowed:
            self.reader.fail(f"{operator} block cannot be attached to {block} block")

    def _add_simple(self, found: list[nodes.Node], operator: str, rest: str, contents: str, line: int) -> None:
        """Read a directive that is no block."""
        if operator == "comment":
            return
        if operator not in ("extends", "include", "set", "import", "from", "autoescape", "whitespace", "raw", "module"):
            self.reader.fail(f"unknown operator: {operator!r}")
        if not rest:
            self.reader.fail(f"{operator} missing what it is about")
        if operator == "extends":
            found.append(nodes.Extends(_unquoted(rest)))
        elif operator == "include":
            found.append(nodes.Include(_unquoted(rest), self.template, line))
        elif operator == "set":
            found.append(nodes.Statement(rest, line))
        elif operator in ("import", "from"):
            found.append(nodes.Statement(contents, line))
        elif operator == "autoescape":
            self.template.autoescape = None if rest == "None" else rest
        elif operator == "whitespace":
            filter_whitespace(rest, "")  # raises for a mode that there is not
            self.reader.whitespace = rest
        elif operator == "raw":
            found.append(nodes.Expression(rest, line, raw=True))
        else:
            found.append(nodes.Expression(f"_tt_modules.{rest}", line, raw=True))


def _unquoted(name: str) -> str:
    return name.strip("\"'")
