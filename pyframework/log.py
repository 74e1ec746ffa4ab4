"""The three loggers of the framework, their formatter, and the options that set logging up.

The loggers are ``tornado.access`` (requests), ``tornado.application`` (uncaught exceptions of the application) and
``tornado.general`` (everything else); the names are part of the API, since applications configure logging by them.
"""

import importlib
import logging
import logging.handlers
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from pyframework.escape import to_unicode

if TYPE_CHECKING:
    from pyframework.options import OptionParser

access_log, app_log, gen_log = map(logging.getLogger, ("tornado.access", "tornado.application", "tornado.general"))


def _module_if_installed(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


colorama: Any = _module_if_installed("colorama")
curses: Any = _module_if_installed("curses")


def _stderr_supports_color() -> bool:
    try:
        if not sys.stderr.isatty():
            return False
        if curses is not None:
            curses.setupterm()
            return bool(curses.tigetnum("colors") > 0)
        # On a Windows console without colours of its own, colorama replaces stderr once it is initialised.
        return colorama is not None and sys.stderr is getattr(colorama.initialise, "wrapped_stderr", None)
    except Exception:
        # A stderr that is closed or None, a TERM that is unknown: plain text is always readable.
        return False


def _safe_unicode(s: Any) -> str:
    try:
        text: str = to_unicode(s)
        return text
    except UnicodeDecodeError:
        return repr(s)


class LogFormatter(logging.Formatter):
    """Formats a record as one line with level, time and place; what follows a line break is indented.

    :arg fmt: as for `logging.Formatter`; ``%(color)s`` and ``%(end_color)s`` enclose what is coloured
    :arg datefmt: as for `time.strftime`
    :arg style: not used: ``fmt`` is a ``%`` format
    :arg color: colour the output if stderr is a terminal that can show it
    :arg colors: terminal colour number of each log level
    """

    DEFAULT_FORMAT = "%(color)s[%(levelname)1.1s %(asctime)s %(module)s:%(lineno)d]%(end_color)s %(message)s"
    DEFAULT_DATE_FORMAT = "%y%m%d %H:%M:%S"
    DEFAULT_COLORS: ClassVar[dict[int, int]] = {
        logging.DEBUG: 4,
        logging.INFO: 2,
        logging.WARNING: 3,
        logging.ERROR: 1,
        logging.CRITICAL: 5,
    }

    def __init__(
        self,
        fmt: str = DEFAULT_FORMAT,
        datefmt: str = DEFAULT_DATE_FORMAT,
        style: str = "%",
        color: bool = True,
        colors: dict[int, int] = DEFAULT_COLORS,
    ) -> None:
        super().__init__(datefmt=datefmt)
        self._fmt = fmt
        self._colors: dict[int, str] = {}
        self._normal = ""
        if color and _stderr_supports_color():
            self._colors, self._normal = _terminal_sequences(colors)

    def format(self, record: Any) -> str:
        """Format ``record``; one whose arguments do not fit its message is shown with all its attributes."""
        try:
            record.message = _safe_unicode(record.getMessage())
        except Exception as e:
            record.message = f"Bad message ({e!r}): {vars(record)!r}"
        record.asctime = self.formatTime(record, self.datefmt)
        record.color = self._colors.get(record.levelno, "")
        record.end_color = self._normal if record.color else ""
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        text: str = self._fmt % vars(record)
        if record.exc_text:
            text = f"{text.rstrip()}\n{record.exc_text}"
        # What is logged cannot begin a line, so text from a peer cannot pass for another record.
        return text.replace("\n", "\n    ")


def _terminal_sequences(colors: dict[int, int]) -> tuple[dict[int, str], str]:
    """Return the sequence that starts the colour of each level, and the one that ends them all."""
    if curses is None:
        return {level: f"\033[2;3{code}m" for level, code in colors.items()}, "\033[0m"
    foreground = curses.tigetstr("setaf") or curses.tigetstr("setf") or b""
    # The sequences are bytes for a terminal, the log is text; they hold ASCII only.
    starts = {level: curses.tparm(foreground, code).decode("ascii") for level, code in colors.items()}
    return starts, (curses.tigetstr("sgr0") or b"").decode("ascii")


def enable_pretty_logging(options: Any = None, logger: logging.Logger | None = None) -> None:
    """Set ``logger`` (the root logger by default) up as the logging options say.

    :raises ValueError: the log level or ``log_rotate_mode`` is none that exists
    """
    options = _options_or_default(options)
    if options.logging is None or options.logging.lower() == "none":
        return
    logger = logger or logging.getLogger()
    logger.setLevel(options.logging.upper())
    if options.log_file_prefix:
        file_handler = _file_handler(options)
        file_handler.setFormatter(LogFormatter(color=False))
        logger.addHandler(file_handler)
    if options.log_to_stderr or (options.log_to_stderr is None and not logger.handlers):
        stderr_handler = logging.StreamHandler()
        stderr_handler.setFormatter(LogFormatter())
        logger.addHandler(stderr_handler)


def _file_handler(options: Any) -> logging.Handler:
    if options.log_rotate_mode == "size":
        return logging.handlers.RotatingFileHandler(
            options.log_file_prefix,
            maxBytes=options.log_file_max_size,
            backupCount=options.log_file_num_backups,
            encoding="utf-8",
        )
    if options.log_rotate_mode == "time":
        return logging.handlers.TimedRotatingFileHandler(
            options.log_file_prefix,
            when=options.log_rotate_when,
            interval=options.log_rotate_interval,
            backupCount=options.log_file_num_backups,
            encoding="utf-8",
        )
    raise ValueError(f'log_rotate_mode must be "size" or "time", not {options.log_rotate_mode!r}')


def define_logging_options(options: Any = None) -> None:
    """Define the logging options on ``options`` (the global ones by default, which already have them)."""
    options = _options_or_default(options)
    options.define(
        "logging",
        default="info",
        metavar="debug|info|warning|error|none",
        help="lowest level to log; with 'none' the logging module is left as it is",
    )
    options.define(
        "log_to_stderr",
        type=bool,
        help="log to stderr, in colour on a terminal; if not given: only where neither --log-file-prefix is set "
        "nor a handler installed",
    )
    options.define(
        "log_file_prefix",
        type=str,
        metavar="PATH",
        help="log to this file and rotate it; each process needs a path of its own",
    )
    options.define("log_file_max_size", type=int, default=100_000_000, help="bytes in a log file before it is rotated")
    options.define("log_file_num_backups", type=int, default=10, help="rotated log files to keep")
    options.define("log_rotate_mode", type=str, default="size", help="rotate log files by 'size' or by 'time'")
    options.define(
        "log_rotate_when",
        type=str,
        default="midnight",
        help="unit of --log-rotate-interval: 'S', 'M', 'H', 'D', 'W0' to 'W6' (a weekday) or 'midnight'",
    )
    options.define("log_rotate_interval", type=int, default=1, help="units of time between rotations")
    options.add_parse_callback(lambda: enable_pretty_logging(options))


def _options_or_default(options: Any) -> "OptionParser":
    if options is not None:
        given: OptionParser = options
        return given
    # Imported late: that module defines these very options when it is loaded.
    import pyframework.options

    return pyframework.options.options
