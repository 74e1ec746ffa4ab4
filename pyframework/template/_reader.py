"""A template's text, and how far it has been read."""

from typing import NoReturn

from pyframework.template._errors import ParseError


class Reader:
    """Reads forwards only.

    :arg name: of the template, for messages
    :arg whitespace: the mode for the text that comes; directives change it
    """

    def __init__(self, name: str, text: str, whitespace: str) -> None:
        self.name = name
        self.text = text
        self.whitespace = whitespace
        self.at = 0
        self.line = 1

    def take(self, end: int) -> str:
        """Return what stands before position `end`, and go there."""
        piece = self.text[self.at : end]
        self.at = end
        self.line += piece.count("\n")
        return piece

    def take_until(self, mark: str, missing: str) -> str:
        """Return what stands before `mark`, and go behind that; it is an error, `missing`, if there is none."""
        end = self.text.find(mark, self.at)
        if end == -1:
            self.fail(missing)
        piece = self.take(end)
        self.at += len(mark)
        return piece.strip()

    def next_tag(self) -> int:
        """Return where the next `{{`, `{%` or `{#` begins, or -1; of more than two braces the last two count."""
        text, at = self.text, self.at
        while True:
            at = text.find("{", at)
            if at == -1 or at + 1 >= len(text):
                return -1
            if text[at + 1] in "{%#" and not text.startswith("{{{", at):
                return at
            at += 1

    def fail(self, message: str) -> NoReturn:
        raise ParseError(message, self.name, self.line)
