"""The Python code of a template, while it is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyframework.template._loader import BaseLoader
    from pyframework.template._nodes import Block
    from pyframework.template._template import Template


class Code:
    """Lines of code, each with the line of the template that it stands for in a comment.

    Text and values that follow each other are put into the page together, by one call.

    :arg blocks: the blocks that count, by name
    :arg template: the one whose text is outermost
    """

    def __init__(self, blocks: "dict[str, Block]", loader: "BaseLoader | None", template: "Template") -> None:
        self.blocks = blocks
        self.loader = loader
        self.template = template
        self._lines: list[str] = []
        self._depth = 0
        self._careful = 0
        self._names = 0
        self._around: list[tuple[Template, int]] = []  # templates that include this one, and where
        self._pieces: list[tuple[str, str]] = []  # expression, comment; not put yet
        self._text: list[str] = []  # behind those

    def finish(self) -> str:
        """Return the whole."""
        self._flush()
        return "\n".join(self._lines) + "\n"

    def put_text(self, text: str) -> None:
        self._text.append(text)

    def put_value(self, expression: str, line: int) -> None:
        """Put the value of an expression, which is a str, into the page."""
        if self._careful:  # what stands before it must be in the page even if it fails
            self._flush()
        self._end_text()
        self._pieces.append((expression, self._comment(line)))

    def put_line(self, statement: str, line: int, outdent: int = 0) -> None:
        self._flush()
        self._write(statement, self._comment(line), outdent)

    def new_name(self) -> str:
        self._names += 1
        return f"_tt_apply{self._names}"

    @contextmanager
    def indented(self, careful: bool = False) -> Iterator[None]:
        """Indent what is put meanwhile; `careful`: it may fail without the end of the whole."""
        self._depth += 1
        self._careful += careful
        yield
        self._flush()
        self._careful -= careful
        self._depth -= 1

    @contextmanager
    def function(self, name: str, line: int) -> Iterator[None]:
        """Put what comes into a function that returns it as bytes."""
        self.put_line(f"def {name}():", line)
        with self.indented():
            self.put_line("_tt_page = []", line)
            yield
            self.put_line("return _tt_joined(_tt_page)", line)

    @contextmanager
    def inside(self, template: "Template", line: int) -> Iterator[None]:
        """What comes is from `template`, which the current one has at `line`."""
        self._around.append((self.template, line))
        self.template = template
        yield
        self.template, _ = self._around.pop()

    def _comment(self, line: int) -> str:
        comment = f"# {self.template.name}:{line}"
        if self._around:
            places = ", ".join(f"{template.name}:{at}" for template, at in reversed(self._around))
            comment += f" (via {places})"
        return comment.replace("\n", " ").replace("\r", " ")

    def _write(self, code: str, comment: str = "", outdent: int = 0) -> None:
        line = "    " * (self._depth - outdent) + code
        self._lines.append(f"{line}  {comment}" if comment else line)

    def _end_text(self) -> None:
        if self._text:
            self._pieces.append((repr("".join(self._text)), ""))
            self._text.clear()

    def _flush(self) -> None:
        self._end_text()
        pieces, self._pieces = self._pieces, []
        if len(pieces) == 1:
            self._write(f"_tt_page.append({pieces[0][0]})", pieces[0][1])
        elif pieces:
            self._write("_tt_page.extend((")
            for expression, comment in pieces:
                self._write(f"    {expression},", comment)
            self._write("))")
