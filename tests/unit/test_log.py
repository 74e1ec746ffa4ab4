import io
import logging
import logging.config
import logging.handlers
import os
import pty
import subprocess
import sys

import pytest

from pyframework import log
from pyframework.options import OptionParser


def record(message, *args, level=logging.ERROR, exc_info=None):
    made = logging.LogRecord("name", level, "/dir/place.py", 7, message, args, exc_info)
    made.created, made.msecs = 0, 0
    return made


def formatter(**kwargs):
    made = log.LogFormatter(color=False, fmt="%(color)s[%(levelname)s]%(end_color)s %(message)s", **kwargs)
    made._colors = {logging.ERROR: "<"}
    made._normal = ">"
    return made


class TestLogFormatter:
    def test_default_format(self):
        line = log.LogFormatter(color=False, datefmt="%Y").format(record("hello %s", "you", level=logging.WARNING))
        assert line.startswith("[W 19") and line.endswith(" place:7] hello you")

    def test_color_by_level(self):
        assert formatter().format(record("x")) == "<[ERROR]> x"
        assert formatter().format(record("x", level=logging.INFO)) == "[INFO] x"

    def test_a_second_line_is_indented(self):
        assert formatter().format(record("one\n[ERROR] two")) == "<[ERROR]> one\n    [ERROR] two"

    @pytest.mark.parametrize(
        "message, shown", [(b"\xff", "b'\\xff'"), (None, "None"), ("é", "é"), ({"a": 1}, "{'a': 1}")]
    )
    def test_messages_of_any_type(self, message, shown):
        assert formatter().format(record(message)) == f"<[ERROR]> {shown}"

    def test_arguments_that_do_not_fit(self):
        line = formatter().format(record("%d", "text"))
        assert "Bad message" in line and "'text'" in line

    def test_exception(self):
        try:
            raise KeyError("lost")
        except KeyError:
            made = record("failed  ", exc_info=sys.exc_info())
        first, second, *_, last = formatter().format(made).split("\n")
        assert first == "<[ERROR]> failed"
        assert second == "    Traceback (most recent call last):"
        assert last == "    KeyError: 'lost'"
        assert "Traceback" in made.exc_text

    def test_it_is_configurable_by_dict_config(self):
        logging.config.dictConfig(
            {
                "version": 1,
                "incremental": False,
                "disable_existing_loggers": False,
                "formatters": {"f": {"class": "pyframework.log.LogFormatter", "format": "%(message)s", "style": "%"}},
            }
        )


COLOR_PROGRAM = "import pyframework.log as log; f = log.LogFormatter(); print([f._colors.get(40, ''), f._normal])"


class TestColor:
    def test_none_where_stderr_is_no_terminal(self, monkeypatch):
        for stderr in (io.StringIO(), None, object()):
            monkeypatch.setattr(sys, "stderr", stderr)
            assert log.LogFormatter()._colors == {}

    def test_closed_stderr(self, monkeypatch):
        stderr = io.StringIO()
        stderr.close()
        monkeypatch.setattr(sys, "stderr", stderr)
        assert not log._stderr_supports_color()

    @pytest.mark.parametrize("term, colored", [("xterm", True), ("dumb", False), ("no-such-terminal", False)])
    def test_terminal(self, term, colored):
        master, slave = pty.openpty()
        try:
            program = subprocess.run(
                [sys.executable, "-c", COLOR_PROGRAM],
                stdout=subprocess.PIPE,
                stderr=slave,
                env={**os.environ, "TERM": term, "PYTHONPATH": os.pathsep.join(sys.path)},
                text=True,
                timeout=60,
                check=True,
            )
        finally:
            os.close(slave)
            os.close(master)
        assert ("\\x1b[31m" in program.stdout) is colored


@pytest.fixture
def options():
    parser = OptionParser()
    log.define_logging_options(parser)
    return parser


@pytest.fixture
def logger():
    made = logging.Logger("test")
    yield made
    for handler in made.handlers:
        handler.close()


class TestEnablePrettyLogging:
    def test_stderr_by_default(self, options, logger):
        log.enable_pretty_logging(options, logger)
        (handler,) = logger.handlers
        assert type(handler) is logging.StreamHandler
        assert isinstance(handler.formatter, log.LogFormatter)
        assert logger.level == logging.INFO

    def test_a_handler_that_is_there_suffices(self, options, logger):
        present = logging.NullHandler()
        logger.addHandler(present)
        log.enable_pretty_logging(options, logger)
        assert logger.handlers == [present]

    @pytest.mark.parametrize("level", ["none", "None", None])
    def test_none_changes_nothing(self, options, logger, level):
        options.logging = level
        log.enable_pretty_logging(options, logger)
        assert not logger.handlers
        assert logger.level == logging.NOTSET

    def test_rotation_by_size(self, options, logger, tmp_path):
        options.log_file_prefix = str(tmp_path / "log")
        options.log_file_max_size = 1000
        log.enable_pretty_logging(options, logger)
        (handler,) = logger.handlers
        assert type(handler) is logging.handlers.RotatingFileHandler
        assert (handler.maxBytes, handler.backupCount) == (1000, 10)
        logger.error("é")
        handler.flush()
        assert (tmp_path / "log").read_text(encoding="utf-8").endswith("] é\n")

    def test_rotation_by_time_and_stderr_too(self, options, logger, tmp_path):
        options.log_file_prefix = str(tmp_path / "log")
        options.log_rotate_mode = "time"
        options.log_rotate_when = "H"
        options.log_rotate_interval = 2
        options.log_to_stderr = True
        log.enable_pretty_logging(options, logger)
        timed, stderr = logger.handlers
        assert type(timed) is logging.handlers.TimedRotatingFileHandler
        assert timed.interval == 2 * 3600
        assert type(stderr) is logging.StreamHandler

    def test_bad_settings(self, options, logger, tmp_path):
        options.log_file_prefix = str(tmp_path / "log")
        options.log_rotate_mode = "weight"
        with pytest.raises(ValueError, match="weight"):
            log.enable_pretty_logging(options, logger)
        options.logging = "loud"
        with pytest.raises(ValueError, match="LOUD"):
            log.enable_pretty_logging(options, logger)


def test_logger_names():
    names = [logger.name for logger in (log.access_log, log.app_log, log.gen_log)]
    assert names == ["tornado.access", "tornado.application", "tornado.general"]
