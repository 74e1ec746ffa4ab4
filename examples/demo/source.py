"""Shows a file of the server side beside the page that it serves."""

import io
import keyword
import tokenize
from functools import cache
from itertools import accumulate
from pathlib import Path

from pyframework import web

Piece = tuple[str, str]  # its kind and its text


class Source(web.UIModule):
    def render(self, name: str) -> str:
        text = Path(__file__).with_name(name).read_text(encoding="utf-8")
        return self.render_string("source.html", name=name, lines=text.count("\n"), pieces=pieces(text)).decode()


@cache
def pieces(text: str) -> list[Piece]:
    """Cut Python code into what has a colour of its own and what has not."""
    starts = list(accumulate(map(len, text.splitlines(keepends=True)), initial=0))
    result: list[Piece] = []
    done = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if kind := kind_of(token):
            start, end = (starts[line - 1] + column for line, column in (token.start, token.end))
            result += [("", text[done:start]), (kind, text[start:end])]
            done = end
    return [*result, ("", text[done:])]


def kind_of(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.COMMENT:
        return "comment"
    if "STRING" in tokenize.tok_name[token.type]:
        return "string"
    return "keyword" if keyword.iskeyword(token.string) else ""
