"""Arguments of the query string and of the body, decoded and stripped."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from pyframework.escape import to_unicode
from pyframework.web._errors import HTTPError, MissingArgumentError

if TYPE_CHECKING:
    from pyframework.httputil import HTTPServerRequest


class _ArgDefaultMarker:
    """Stands for "no default": the argument is required."""


_ARG_DEFAULT = _ArgDefaultMarker()
_SHOWN_BYTES = 40


class ArgumentsMixin:
    """What a `RequestHandler` knows of its request's arguments."""

    request: "HTTPServerRequest"

    # Control characters that no form sends by intent; tab, line feed, return and their kin pass.
    _remove_control_chars_regex = re.compile(r"[\x00-\x08\x0e-\x1f]")

    @overload
    def get_argument(self, name: str, default: str, strip: bool = True) -> str: ...
    @overload
    def get_argument(self, name: str, default: _ArgDefaultMarker = ..., strip: bool = True) -> str: ...
    @overload
    def get_argument(self, name: str, default: None, strip: bool = True) -> str | None: ...
    def get_argument(
        self, name: str, default: None | str | _ArgDefaultMarker = _ARG_DEFAULT, strip: bool = True
    ) -> str | None:
        """Return the last value of an argument of the query string or of the body.

        :raises MissingArgumentError: it is not there and no default was given
        """
        return self._get_argument(name, default, self.request.arguments, strip)

    def get_arguments(self, name: str, strip: bool = True) -> list[str]:
        """Return all values of an argument, those of the query string first."""
        assert isinstance(strip, bool), "get_arguments() takes no default: the second argument is strip"
        return self._get_arguments(name, self.request.arguments, strip)

    @overload
    def get_body_argument(self, name: str, default: str, strip: bool = True) -> str: ...
    @overload
    def get_body_argument(self, name: str, default: _ArgDefaultMarker = ..., strip: bool = True) -> str: ...
    @overload
    def get_body_argument(self, name: str, default: None, strip: bool = True) -> str | None: ...
    def get_body_argument(
        self, name: str, default: None | str | _ArgDefaultMarker = _ARG_DEFAULT, strip: bool = True
    ) -> str | None:
        """Return the last value of an argument of the body.

        :raises MissingArgumentError: it is not there and no default was given
        """
        return self._get_argument(name, default, self.request.body_arguments, strip)

    def get_body_arguments(self, name: str, strip: bool = True) -> list[str]:
        """Return all values of an argument of the body."""
        return self._get_arguments(name, self.request.body_arguments, strip)

    @overload
    def get_query_argument(self, name: str, default: str, strip: bool = True) -> str: ...
    @overload
    def get_query_argument(self, name: str, default: _ArgDefaultMarker = ..., strip: bool = True) -> str: ...
    @overload
    def get_query_argument(self, name: str, default: None, strip: bool = True) -> str | None: ...
    def get_query_argument(
        self, name: str, default: None | str | _ArgDefaultMarker = _ARG_DEFAULT, strip: bool = True
    ) -> str | None:
        """Return the last value of an argument of the query string.

        :raises MissingArgumentError: it is not there and no default was given
        """
        return self._get_argument(name, default, self.request.query_arguments, strip)

    def get_query_arguments(self, name: str, strip: bool = True) -> list[str]:
        """Return all values of an argument of the query string."""
        return self._get_arguments(name, self.request.query_arguments, strip)

    def _get_argument(
        self, name: str, default: None | str | _ArgDefaultMarker, source: dict[str, list[bytes]], strip: bool = True
    ) -> str | None:
        values = source.get(name)
        if not values:
            if isinstance(default, _ArgDefaultMarker):
                raise MissingArgumentError(name)
            return default
        for raw in values:
            value = self.decode_argument(raw, name)
        return self._cleaned(value, strip)

    def _get_arguments(self, name: str, source: dict[str, list[bytes]], strip: bool = True) -> list[str]:
        return [self._cleaned(self.decode_argument(raw, name), strip) for raw in source.get(name, ())]

    def _cleaned(self, value: str, strip: bool) -> str:
        if isinstance(value, str) and not value.isprintable():
            value = self._remove_control_chars_regex.sub(" ", value)
        return value.strip() if strip else value

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Turn the percent-decoded bytes of an argument into text: UTF-8, unless a subclass does otherwise.

        :arg value: one value of the query string, the body or the path
        :arg name: the argument's name; None for an unnamed group of the path
        :raises HTTPError: 400, the bytes are not UTF-8
        """
        try:
            return value.decode() if isinstance(value, bytes) else to_unicode(value)
        except UnicodeDecodeError as error:
            raise HTTPError(400, "Invalid unicode in %s: %r", name or "url", value[:_SHOWN_BYTES]) from error

    def _decode_path_arguments(
        self, args: Sequence[bytes | None], kwargs: Mapping[str, bytes | None]
    ) -> tuple[list[Any], dict[str, Any]]:
        decode = self.decode_argument
        path_args: list[Any] = []
        path_kwargs: dict[str, Any] = {}
        for raw in args:
            path_args.append(None if raw is None else decode(raw))
        for name, raw in kwargs.items():
            path_kwargs[name] = None if raw is None else decode(raw, name=name)
        return path_args, path_kwargs
