"""What is wrong with a template."""


class ParseError(Exception):
    """A template is not well formed.

    :arg message: what is wrong
    :arg filename: the template's name
    :arg lineno: the line in it, from 1
    """

    def __init__(self, message: str, filename: str | None = None, lineno: int = 0) -> None:
        super().__init__(message, filename, lineno)
        self.message = message
        self.filename = filename
        self.lineno = lineno

    def __str__(self) -> str:
        return f"{self.message} at {self.filename}:{self.lineno}"
