"""The public face of header fields; the work is done in `pyframework._core.headers`."""

from collections.abc import MutableMapping

from pyframework._core.headers import HeaderMap


def _normalize_header(name: str) -> str:
    """Spell a field name as Http-Header-Case. HTTPHeaders looks this function up at run time: it may be replaced."""
    return "-".join([word.capitalize() for word in name.split("-")])


class HTTPHeaders(HeaderMap, MutableMapping[str, str]):
    """The fields of a message: an ordered mapping whose names match in any case.

    A repeated field reads as one value, joined with commas; `add`, `get_list` and `get_all` see its lines one by one.
    The constructor takes what `dict` does. Setting an item checks nothing; writing the headers to a connection
    raises ValueError for what must not stand in one.
    """

    def __unicode__(self) -> str:
        return str(self)
