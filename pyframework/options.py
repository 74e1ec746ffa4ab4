"""Options that any module may define, set from the command line or a config file.

Names may be written with ``-`` or ``_`` everywhere. The module-level functions work on the global `options`.
"""

import dataclasses
import datetime
import numbers
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, TextIO

from pyframework.log import define_logging_options
from pyframework.util import exec_in

_DATES = ("%Y-%m-%d", "%Y%m%d")
_TIMES = ("%H:%M:%S", "%H:%M")
_DATETIME_FORMATS = (
    "%a %b %d %H:%M:%S %Y",
    *(date + separator + time for date in _DATES for separator in " T" for time in _TIMES),
    *_DATES,
    *_TIMES,
)
_DURATION = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-z]*)\s*")
_UNITS = {
    **dict.fromkeys(("", "s", "sec", "seconds"), "seconds"),
    **dict.fromkeys(("m", "min", "minutes"), "minutes"),
    **dict.fromkeys(("h", "hours"), "hours"),
    **dict.fromkeys(("d", "days"), "days"),
    **dict.fromkeys(("w", "weeks"), "weeks"),
    **dict.fromkeys(("ms", "milliseconds"), "milliseconds"),
    **dict.fromkeys(("us", "microseconds"), "microseconds"),
}
_HELP_COLUMN = 35
_HELP_WIDTH = 79


class Error(Exception):
    """An option is defined twice, not known, or given a value that does not fit."""


class OptionParser:
    """A set of options, read and set as attributes or items. The global one is `options`."""

    def __init__(self) -> None:
        # Not plain attributes: those are the options.
        vars(self).update(_options={}, _parse_callbacks=[])
        help_text = "show this help and exit"
        self._add(_Option("help", type=bool, help=help_text, group_name="", callback=self._exit_with_help))

    def _normalize_name(self, name: str) -> str:
        return name.replace("_", "-")

    def _find(self, name: str) -> "_Option":
        # Not self._options: a copy asks for attributes before it has any.
        option: _Option | None = vars(self).get("_options", {}).get(self._normalize_name(name))
        if option is None:
            raise AttributeError(f"there is no option {name!r}: define it first")
        return option

    def __getattr__(self, name: str) -> Any:
        return self._find(name).value()

    def __setattr__(self, name: str, value: Any) -> None:
        self._find(name).set(value)

    def __iter__(self) -> Iterator[str]:
        return (option.name for option in self._options.values())

    def __contains__(self, name: str) -> bool:
        return self._normalize_name(name) in self._options

    def __getitem__(self, name: str) -> Any:
        return self._find(name).value()

    def __setitem__(self, name: str, value: Any) -> None:
        self._find(name).set(value)

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return pairs of name and value."""
        return [(option.name, option.value()) for option in self._options.values()]

    def groups(self) -> set[str]:
        """Return the names of all groups."""
        return {option.group_name for option in self._options.values()}

    def group_dict(self, group: str) -> dict[str, Any]:
        """Return the names and values of one group, or of all if ``group`` is empty."""
        return {
            option.name: option.value() for option in self._options.values() if not group or group == option.group_name
        }

    def as_dict(self) -> dict[str, Any]:
        """Return all names and values."""
        return dict(self.items())

    def define(
        self,
        name: str,
        default: Any = None,
        type: type | None = None,
        help: str | None = None,
        metavar: str | None = None,
        multiple: bool = False,
        group: str | None = None,
        callback: Callable[[Any], None] | None = None,
    ) -> None:
        """Define an option.

        :arg type: str, int, float, bool, datetime, timedelta, or what makes a value of a str; that of ``default`` if
            not given, else str
        :arg help: shown by ``--help``, as is ``metavar``, the name of the value
        :arg multiple: the value is a list, written with commas; ranges of int are written ``low:high``
        :arg group: a heading for ``--help`` and `group_dict`; the calling file if not given
        :arg callback: called with each new value
        :raises Error: the option exists
        """
        if type is None and default is not None and not multiple:
            type = default.__class__
        defined_in = _calling_file()
        self._add(_Option(name, default, type, help, metavar, multiple, defined_in, group or defined_in, callback))

    def _add(self, option: "_Option") -> None:
        key = self._normalize_name(option.name)
        if key in self._options:
            known = self._options[key]
            raise Error(f"Option {option.name!r} is already defined in {known.file_name or __file__} as {known.name!r}")
        self._options[key] = option

    def parse_command_line(self, args: list[str] | None = None, final: bool = True) -> list[str]:
        """Set options from arguments of the form ``--name=value``, for a bool also ``--name``.

        :arg args: the program name and its arguments; `sys.argv` if not given
        :arg final: run the parse callbacks afterwards
        :returns: the arguments from the first one that is no option, or after ``--``
        :raises Error: an option is not known, has no value, or one that does not fit
        """
        remaining = list(sys.argv if args is None else args)[1:]
        while remaining and remaining[0].startswith("-"):
            argument = remaining.pop(0)
            if argument == "--":
                break
            self._parse_argument(argument)
        if final:
            self.run_parse_callbacks()
        return remaining

    def _parse_argument(self, argument: str) -> None:
        name, equals, value = argument.lstrip("-").partition("=")
        if name not in self:
            self.print_help()
            raise Error(f"There is no command line option {argument!r}")
        option = self._find(name)
        if not equals and option.type is not bool:
            raise Error(f"Option {name!r} needs a value: --{name}=...")
        option.parse(value if equals else "true")

    def parse_config_file(self, path: str, final: bool = True) -> None:
        """Execute a Python file (UTF-8), and set the options that it assigns to.

        :arg path: ``__file__`` in the file is its absolute form
        :arg final: run the parse callbacks afterwards
        :raises Error: a value is neither of the option's type nor, as str, what the command line accepts
        """
        config = {"__file__": os.path.abspath(path)}
        with open(path, encoding="utf-8") as file:
            exec_in(file.read(), config, config)
        for name, value in config.items():
            if name in self:
                self._find(name).set_or_parse(value)
        if final:
            self.run_parse_callbacks()

    def print_help(self, file: TextIO | None = None) -> None:
        """Print all options by group, to stderr if no file is given."""
        lines = [f"Usage: {sys.argv[0]} [OPTIONS]", "", "Options:", ""]
        for group in sorted(self.groups()):
            if group:
                lines += ["", f"{os.path.normpath(group)} options:", ""]
            members = (option for option in self._options.values() if option.group_name == group)
            for option in sorted(members, key=lambda option: str(option.name)):
                lines += option.help_lines(self._normalize_name(option.name))
        print("\n".join(lines), end="\n\n", file=file or sys.stderr)

    def _exit_with_help(self, value: bool) -> None:
        if value:
            self.print_help()
            sys.exit(0)

    def add_parse_callback(self, callback: Callable[[], None]) -> None:
        """Add a function to call when parsing is done."""
        self._parse_callbacks.append(callback)

    def run_parse_callbacks(self) -> None:
        """Call what was added with `add_parse_callback`."""
        for callback in self._parse_callbacks:
            callback()

    def mockable(self) -> "_Mockable":
        """Return an object on which ``mock.patch.object`` can patch the options."""
        return _Mockable(self)


def _calling_file() -> str:
    frame = sys._getframe()
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename


class _Mockable:
    """Passes attributes through to an `OptionParser`; deleting one restores what it was before it was set."""

    def __init__(self, options: OptionParser) -> None:
        vars(self).update(_target=options, _before={})

    def __getattr__(self, name: str) -> Any:
        return self._target[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._before:
            raise AssertionError(f"{name!r} is patched through this object already: call mockable() for each patch")
        self._before[name] = self._target[name]
        self._target[name] = value

    def __delattr__(self, name: str) -> None:
        self._target[name] = self._before.pop(name)


@dataclasses.dataclass(eq=False)
class _Option:
    UNSET: ClassVar[object] = object()

    name: str
    default: Any = None
    type: Any = None
    help: str | None = None
    metavar: str | None = None
    multiple: bool = False
    file_name: str | None = None
    group_name: str | None = None
    callback: Callable[[Any], None] | None = None

    def __post_init__(self) -> None:
        if self.type is None:
            self.type = str
        if self.multiple and self.default is None:
            self.default = []
        self._value: Any = _Option.UNSET

    def value(self) -> Any:
        return self.default if self._value is _Option.UNSET else self._value

    def parse(self, value: str) -> Any:
        """Set the value from its written form, and return it."""
        if self.multiple:
            self._store([item for part in value.split(",") for item in self._parse_part(part)])
        else:
            self._store(self._parse_one(value))
        return self.value()

    def set(self, value: Any) -> None:
        """Set the value as it is; it must be of the option's type, or None."""
        if self.multiple:
            if not isinstance(value, list) or not all(self._fits(item) for item in value):
                raise Error(f"Option {self.name!r} must be a list of {self.type.__name__}, not {value!r}")
        elif not self._fits(value):
            raise Error(f"Option {self.name!r} must be {self.type.__name__}, not {type(value).__name__}: {value!r}")
        self._store(value)

    def set_or_parse(self, value: Any) -> None:
        if isinstance(value, str) and (self.multiple or self.type is not str):
            self.parse(value)
        else:
            self.set(value)

    def _fits(self, value: Any) -> bool:
        return value is None or isinstance(value, self.type)

    def _store(self, value: Any) -> None:
        self._value = value
        if self.callback is not None:
            self.callback(value)

    def _parse_part(self, part: str) -> Iterable[Any]:
        is_integer = isinstance(self.type, type) and issubclass(self.type, numbers.Integral)
        if not is_integer or self.type is bool:
            return [self._parse_one(part)]
        first, _, last = part.partition(":")
        low = self._parse_one(first)
        return range(low, (self._parse_one(last) if last else low) + 1)

    def _parse_one(self, value: str) -> Any:
        parser: Callable[[str], Any] = _PARSERS.get(self.type, self.type)
        return parser(value)

    def help_lines(self, name: str) -> list[str]:
        head = f"  --{name}={self.metavar}" if self.metavar else f"  --{name}"
        text = self.help or ""
        if self.default is not None and self.default != "":
            text += f" (default {self.default})"
        lines = [" " * _HELP_COLUMN + line for line in textwrap.wrap(text, _HELP_WIDTH - _HELP_COLUMN)]
        if not lines or len(head) >= _HELP_COLUMN:
            return [head, *lines]
        return [head + lines[0][len(head) :], *lines[1:]]


def _parse_datetime(value: str) -> datetime.datetime:
    for format in _DATETIME_FORMATS:
        try:
            return datetime.datetime.strptime(value, format)
        except ValueError:
            continue
    raise Error(f"{value!r} is not a date and time: write it as 2030-12-31 23:59:59")


def _parse_timedelta(value: str) -> datetime.timedelta:
    total = datetime.timedelta()
    position = 0
    while position < len(value):
        match = _DURATION.match(value, position)
        if match is None or match[2] not in _UNITS:
            raise Error(f"{value!r} is not a length of time: write it as 1h 30m; units are w, d, h, m, s, ms, us")
        total += datetime.timedelta(**{_UNITS[match[2]]: float(match[1])})
        position = match.end()
    return total


def _parse_bool(value: str) -> bool:
    return value.lower() not in ("false", "0", "f")


_PARSERS: dict[Any, Callable[[str], Any]] = {
    datetime.datetime: _parse_datetime,
    datetime.timedelta: _parse_timedelta,
    bool: _parse_bool,
}

options = OptionParser()


def define(
    name: str,
    default: Any = None,
    type: type | None = None,
    help: str | None = None,
    metavar: str | None = None,
    multiple: bool = False,
    group: str | None = None,
    callback: Callable[[Any], None] | None = None,
) -> None:
    """Define a global option; see `OptionParser.define`."""
    options.define(name, default, type, help, metavar, multiple, group, callback)


def parse_command_line(args: list[str] | None = None, final: bool = True) -> list[str]:
    """Set global options from the command line; see `OptionParser.parse_command_line`."""
    return options.parse_command_line(args, final)


def parse_config_file(path: str, final: bool = True) -> None:
    """Set global options from a config file; see `OptionParser.parse_config_file`."""
    options.parse_config_file(path, final)


def print_help(file: TextIO | None = None) -> None:
    """Print all global options; see `OptionParser.print_help`."""
    options.print_help(file)


def add_parse_callback(callback: Callable[[], None]) -> None:
    """Add a function to call when the global options are parsed; see `OptionParser.add_parse_callback`."""
    options.add_parse_callback(callback)


define_logging_options(options)
