"""What a template consists of; each node writes the Python code that it stands for."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyframework.template._code import Code
from pyframework.template._errors import ParseError

if TYPE_CHECKING:
    from pyframework.template._loader import BaseLoader
    from pyframework.template._template import Template


class Node:
    """A piece of a template."""

    def children(self) -> "Iterator[Node]":
        return iter(())

    def write(self, code: Code) -> None:
        raise NotImplementedError

    def find_blocks(self, loader: "BaseLoader | None", blocks: "dict[str, Block]") -> None:
        """Note the blocks in this node by their names; those that are noted later count."""
        for child in self.children():
            child.find_blocks(loader, blocks)


class Body(Node):
    """Nodes one after the other."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes

    def children(self) -> Iterator[Node]:
        return iter(self.nodes)

    def write(self, code: Code) -> None:
        for node in self.nodes:
            node.write(code)


class Text(Node):
    """Text that stands in the template itself."""

    def __init__(self, text: str, line: int) -> None:
        self.text = text
        self.line = line

    def write(self, code: Code) -> None:
        code.put_text(self.text)


class Expression(Node):
    """The value of an expression; `raw`: as it is, not escaped."""

    def __init__(self, expression: str, line: int, raw: bool = False) -> None:
        self.expression = expression
        self.line = line
        self.raw = raw

    def write(self, code: Code) -> None:
        autoescape = None if self.raw else code.template.autoescape
        # In parentheses and on lines of its own, whatever it holds: commas, line ends, comments.
        end = "\n)" if "#" in self.expression else ")"
        value = f"({self.expression}{end}"
        if autoescape is None:
            code.put_value(f"_tt_text({value})", self.line)
        elif autoescape == "xhtml_escape":
            code.put_value(f"_tt_escaped({value})", self.line)
        else:
            code.put_value(f"_tt_text(({autoescape})(_tt_bytes({value})))", self.line)


class Statement(Node):
    """One line of Python."""

    def __init__(self, statement: str, line: int) -> None:
        self.statement = statement
        self.line = line

    def write(self, code: Code) -> None:
        code.put_line(self.statement, self.line)


class Control(Node):
    """A statement with a block of its own."""

    def __init__(self, statement: str, body: Body, line: int) -> None:
        self.statement = statement
        self.body = body
        self.line = line

    def children(self) -> Iterator[Node]:
        yield self.body

    def write(self, code: Code) -> None:
        code.put_line(f"{self.statement}:", self.line)
        with code.indented(careful=self.statement == "try"):
            self.body.write(code)
            code.put_line("pass", self.line)


class GoesOn(Node):
    """Where a block goes on under another condition: `else` and its kin."""

    def __init__(self, statement: str, line: int) -> None:
        self.statement = statement
        self.line = line

    def write(self, code: Code) -> None:
        code.put_line("pass", self.line)
        code.put_line(f"{self.statement}:", self.line, outdent=1)


class Apply(Node):
    """A block as a function returns it."""

    def __init__(self, function: str, body: Body, line: int) -> None:
        self.function = function
        self.body = body
        self.line = line

    def children(self) -> Iterator[Node]:
        yield self.body

    def write(self, code: Code) -> None:
        name = code.new_name()
        with code.function(name, self.line):
            self.body.write(code)
        code.put_value(f"_tt_text(({self.function})({name}()))", self.line)


class Block(Node):
    """A part with a name, which templates that extend this one may replace."""

    def __init__(self, name: str, body: Body, template: "Template", line: int) -> None:
        self.name = name
        self.body = body
        self.template = template
        self.line = line

    def children(self) -> Iterator[Node]:
        yield self.body

    def find_blocks(self, loader: "BaseLoader | None", blocks: "dict[str, Block]") -> None:
        blocks[self.name] = self
        super().find_blocks(loader, blocks)

    def write(self, code: Code) -> None:
        block = code.blocks[self.name]
        with code.inside(block.template, self.line):
            block.body.write(code)


class Extends(Node):
    """Names the template that gives the frame."""

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, code: Code) -> None:
        pass


class Include(Node):
    """Another template at this place."""

    def __init__(self, name: str, template: "Template", line: int) -> None:
        self.name = name
        self.template = template
        self.line = line

    def _load(self, loader: "BaseLoader | None") -> "Template":
        if loader is None:
            raise ParseError("{% include %} needs a template loader", self.template.name, self.line)
        return loader.load(self.name, self.template.name)

    def find_blocks(self, loader: "BaseLoader | None", blocks: dict[str, Block]) -> None:
        self._load(loader).body.find_blocks(loader, blocks)

    def write(self, code: Code) -> None:
        included = self._load(code.loader)
        with code.inside(included, self.line):
            included.body.write(code)
