"""A handler whose every answer is one error."""

from pyframework.web._errors import HTTPError
from pyframework.web._handler import RequestHandler


class ErrorHandler(RequestHandler):
    """Answers every request with an error status: where no rule matches, 404."""

    def initialize(self, status_code: int) -> None:
        self.set_status(status_code)

    def prepare(self) -> None:
        raise HTTPError(self._status_code)

    def check_xsrf_cookie(self) -> None:
        # Nothing happens here that one could forge a request for.
        pass

    def check_trusted_origin(self, origin: str) -> bool:
        return True
