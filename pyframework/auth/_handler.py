"""What every mixin uses of its handler."""

import urllib.parse
from typing import TYPE_CHECKING, Any, cast

from pyframework import escape
from pyframework.httpclient import AsyncHTTPClient

if TYPE_CHECKING:
    from pyframework.web import RequestHandler


class AuthMixin:
    """Private base of the mixins."""

    @property
    def _handler(self) -> "RequestHandler":
        return cast("RequestHandler", self)

    def get_auth_http_client(self) -> AsyncHTTPClient:
        """Return the client that asks the other site; override to use one of your own."""
        return AsyncHTTPClient()

    async def _ask(self, url: str, query: dict[str, Any], form: dict[str, Any] | None) -> Any:
        """Return the JSON that the other site answers, to a POST if there is a form."""
        if query:
            url += f"?{urllib.parse.urlencode(query)}"
        client = self.get_auth_http_client()
        if form is None:
            response = await client.fetch(url)
        else:
            response = await client.fetch(url, method="POST", body=urllib.parse.urlencode(form))
        return escape.json_decode(response.body)
