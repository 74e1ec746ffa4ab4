"""The exceptions that a handler raises to end its request. They know nothing of handlers."""

from typing import Any

from pyframework import httputil


class HTTPError(Exception):
    """Ends the request with an error response.

    :arg status_code: the status to send
    :arg log_message: what to write to the log; clients see it in tracebacks only (`serve_traceback`).
        It may hold `%`-style placeholders
    :arg args: values for the placeholders
    :arg kwargs: `reason`, a reason phrase for the status line in place of the standard one
    """

    def __init__(self, status_code: int = 500, log_message: str | None = None, *args: Any, **kwargs: Any) -> None:
        self.status_code = status_code
        self._log_message = log_message
        self.args = args
        self.reason: str | None = kwargs.get("reason")

    @property
    def log_message(self) -> str | None:
        """The message as a `%` format: complete where it came without arguments."""
        if self._log_message and not self.args:
            return self._log_message.replace("%", "%%")
        return self._log_message

    def get_message(self) -> str | None:
        """Return the message with its arguments filled in."""
        if self._log_message and self.args:
            return self._log_message % self.args
        return self._log_message

    def __str__(self) -> str:
        reason = self.reason or httputil.responses.get(self.status_code, "Unknown")
        summary = f"HTTP {self.status_code}: {reason}"
        message = self.get_message()
        return f"{summary} ({message})" if message else summary


class MissingArgumentError(HTTPError):
    """A required argument is not in the request: the answer is 400.

    :arg arg_name: the name that was asked for
    """

    def __init__(self, arg_name: str) -> None:
        super().__init__(400, f"Missing argument {arg_name}")
        self.arg_name = arg_name


class Finish(Exception):
    """Ends the request without an error response: what is written so far is the answer.

    An argument, if there is one, is passed to `RequestHandler.finish`.
    """
