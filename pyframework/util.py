"""Small helpers that stand below every other module: configurable classes, late imports, gzip, masks.

Nothing here knows of sockets, loops or HTTP.
"""

import builtins
import inspect
import re
import string
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from unittest import TestSuite

bytes_type = bytes
unicode_type = str
basestring_type = str
TimeoutError = builtins.TimeoutError

_GZIP_WBITS = 16 + zlib.MAX_WBITS
_ESCAPED_CHARACTER = re.compile(r"\\(.)", re.DOTALL)
_ASCII_ALPHANUMERIC = frozenset(string.ascii_letters + string.digits)


class ObjectDict(dict[str, Any]):
    """A dict whose items can also be read and set as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


class GzipDecompressor:
    """Decompresses a stream of gzip members (RFC 1952, section 2.2) piece by piece."""

    def __init__(self) -> None:
        self._member: zlib._Decompress | None = None
        self._rest = b""

    def decompress(self, value: bytes, max_length: int = 0) -> bytes:
        """Return what the next piece of compressed input yields.

        Pass ``unconsumed_tail`` back in until it is empty: a call may stop early, even with no output.

        :arg value: compressed bytes
        :arg max_length: the most bytes to return; leaving it out (no limit) is deprecated
        :raises zlib.error: the input is not gzip, or something else follows the last member
        """
        if not max_length:
            warnings.warn(
                "GzipDecompressor.decompress: pass max_length, a small input can grow without bound",
                DeprecationWarning,
                stacklevel=2,
            )
        output: list[bytes] = []
        # With a limit, one piece of output is enough: the rest comes with the next call.
        while value and not (max_length and output):
            if self._member is None or self._member.eof:
                self._member = zlib.decompressobj(_GZIP_WBITS)
            piece = self._member.decompress(value, max_length)
            value = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                output.append(piece)
        self._rest = value
        return b"".join(output)

    @property
    def unconsumed_tail(self) -> bytes:
        """Input that the last call left over."""
        return self._rest

    def flush(self) -> bytes:
        """Check, after the last input, that the stream ended between two members; always return ``b""``.

        :raises zlib.error: the stream stops inside a member
        :raises ValueError: ``unconsumed_tail`` was not passed back to `decompress`
        """
        if self._rest:
            raise ValueError("input is left: pass unconsumed_tail to decompress before flush")
        if self._member is not None and not self._member.eof:
            raise zlib.error("the gzip stream is incomplete: its last member is cut short")
        return b""


def import_object(name: str) -> Any:
    """Import by dotted name: a top-level module, or an attribute or submodule of what stands before the last dot.

    >>> import string
    >>> import_object("string") is string
    True
    >>> import_object("string.digits") is string.digits
    True
    >>> import_object("string.nothing")
    Traceback (most recent call last):
        ...
    ImportError: No module named nothing

    :raises ImportError: there is no such module or attribute
    """
    parent, _, member = name.rpartition(".")
    if not parent:
        return __import__(name)
    module = __import__(parent, fromlist=[member])
    try:
        return getattr(module, member)
    except AttributeError:
        raise ImportError(f"No module named {member}") from None


def exec_in(code: Any, glob: dict[str, Any], loc: Mapping[str, Any] | None = None) -> None:
    """Execute source text or a code object in the given namespaces, free of this module's own ``__future__`` flags."""
    compiled = compile(code, "<string>", "exec", dont_inherit=True) if isinstance(code, str) else code
    exec(compiled, glob, loc)


def raise_exc_info(exc_info: tuple[type | None, BaseException | None, TracebackType | None]) -> NoReturn:
    """Raise the exception of a `sys.exc_info` triple with its traceback.

    :raises TypeError: the triple holds no exception
    """
    error, traceback = exc_info[1:]
    if error is None:
        raise TypeError("raise_exc_info called with no exception")
    try:
        raise error.with_traceback(traceback)
    finally:
        # The traceback refers to this frame: without this the frame would refer back to it.
        del error, traceback, exc_info


def errno_from_exception(e: BaseException) -> int | None:
    """Return the ``errno`` of an exception, else its first argument, else None."""
    if hasattr(e, "errno"):
        errno: int | None = e.errno
        return errno
    return e.args[0] if e.args else None


def re_unescape(s: str) -> str:
    """Undo `re.escape`.

    :raises ValueError: `re.escape` cannot have produced ``s``, as it escapes a letter or digit
    """

    def unescape(match: re.Match[str]) -> str:
        character = match[1]
        if character in _ASCII_ALPHANUMERIC:
            raise ValueError(f"cannot unescape {match[0]!r}: re.escape does not produce it")
        return character

    return _ESCAPED_CHARACTER.sub(unescape, s)


class Configurable:
    """A class whose constructor makes an instance of a subclass that is chosen at run time with `configure`.

    Subclasses define `configurable_base` and `configurable_default`, and `initialize` in place of ``__init__``.
    """

    # What `configure` has set on a base; read from that base's own __dict__ only, since bases may nest.
    __impl_class: type["Configurable"] | None = None
    __impl_kwargs: dict[str, Any] | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        base, implementation = cls.configurable_base(), cls
        if cls is base:
            implementation = cls.configured_class()
            _, configured = cls._save_configuration()
            kwargs = {**(configured or {}), **kwargs}
        if implementation.configurable_base() is not base:
            # The chosen class is itself configurable: it picks its own implementation.
            return implementation(*args, **kwargs)
        instance = super().__new__(implementation)
        instance.initialize(*args, **kwargs)
        return instance

    @classmethod
    def configurable_base(cls) -> type["Configurable"]:
        """Return the class at the top of this hierarchy, the one that is configured."""
        raise NotImplementedError()

    @classmethod
    def configurable_default(cls) -> type["Configurable"]:
        """Return the class to use where `configure` named none."""
        raise NotImplementedError()

    def _initialize(self) -> None:
        pass

    # Subclasses take arguments of their own, so the declared type leaves them open.
    initialize: Callable[..., None] = _initialize

    @classmethod
    def configure(cls, impl: "str | type[Configurable] | None", **kwargs: Any) -> None:
        """Choose what the base makes from now on.

        :arg impl: a subclass or its dotted name; None for the default
        :arg kwargs: arguments for every instance that the base makes; the caller's own go first
        :raises ValueError: ``impl`` is not a subclass
        """
        implementation = import_object(impl) if isinstance(impl, str) else impl
        if implementation is not None and not issubclass(implementation, cls):
            raise ValueError(f"{implementation} cannot be used: it is not a subclass of {cls}")
        cls._restore_configuration((implementation, kwargs))

    @classmethod
    def configured_class(cls) -> type["Configurable"]:
        """Return the class that the base makes at present."""
        base = cls.configurable_base()
        implementation, _ = base._save_configuration()
        if implementation is None:
            implementation = base.__impl_class = cls.configurable_default()
        return implementation

    @classmethod
    def _save_configuration(cls) -> tuple[type["Configurable"] | None, dict[str, Any] | None]:
        own = vars(cls.configurable_base())
        return own.get("_Configurable__impl_class"), own.get("_Configurable__impl_kwargs")

    @classmethod
    def _restore_configuration(cls, saved: tuple[type["Configurable"] | None, dict[str, Any] | None]) -> None:
        base = cls.configurable_base()
        base.__impl_class, base.__impl_kwargs = saved


class ArgReplacer:
    """Finds and replaces one argument of a function, however the caller passed it; for decorators.

    :arg func: the function that is to be called
    :arg name: the name of the argument
    """

    def __init__(self, func: Callable[..., Any], name: str) -> None:
        self.name = name
        names = _positional_names(func)
        self.arg_pos = names.index(name) if name in names else None

    def get_old_value(self, args: Sequence[Any], kwargs: dict[str, Any], default: Any = None) -> Any:
        """Return the argument as it was passed, or ``default``."""
        if self.arg_pos is not None and self.arg_pos < len(args):
            return args[self.arg_pos]
        return kwargs.get(self.name, default)

    def replace(
        self, new_value: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[Any, Sequence[Any], dict[str, Any]]:
        """Return ``(old_value, args, kwargs)`` with the argument replaced, or added to ``kwargs`` itself."""
        old_value = self.get_old_value(args, kwargs)
        if self.arg_pos is not None and self.arg_pos < len(args):
            args = [*args[: self.arg_pos], new_value, *args[self.arg_pos + 1 :]]
        else:
            kwargs[self.name] = new_value
        return old_value, args, kwargs


def _positional_names(func: Callable[..., Any]) -> Sequence[str]:
    try:
        return inspect.getfullargspec(func).args
    except TypeError:
        # Compiled functions without a signature may still have a code object.
        code = getattr(func, "__code__", None)
        if code is None:
            raise
        names: tuple[str, ...] = code.co_varnames
        return names[: code.co_argcount]


def timedelta_to_seconds(td: Any) -> float:
    """Return ``td.total_seconds()``."""
    seconds: float = td.total_seconds()
    return seconds


def _websocket_mask_python(mask: bytes, data: bytes) -> bytes:
    """XOR ``data`` with the four bytes of ``mask``, repeated (RFC 6455, section 5.3)."""
    if len(mask) != 4:
        raise ValueError("mask must be 4 bytes")
    size = len(data)
    # One XOR of two long integers runs at the speed of memory; a loop over bytes would not.
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(pattern, "little")).to_bytes(size, "little")


_websocket_mask = _websocket_mask_python


def doctests() -> "TestSuite":
    """Return the examples in this module's docstrings as a test suite."""
    import doctest

    return doctest.DocTestSuite(__name__)
