"""URLs of this application: of named rules and of static files."""

from typing import TYPE_CHECKING, Any

from pyframework.web._settings import SettingsMixin

if TYPE_CHECKING:
    from pyframework.httputil import HTTPServerRequest


class UrlsMixin(SettingsMixin):
    """What a `RequestHandler` knows of URLs."""

    request: "HTTPServerRequest"

    def reverse_url(self, name: str, *args: Any) -> str:
        """Return the path of a named rule; see `Application.reverse_url`."""
        return self.application.reverse_url(name, *args)

    def static_url(self, path: str, include_host: bool | None = None, **kwargs: Any) -> str:
        """Return the URL of a static file, with its version, so that clients can keep it for long.

        :arg path: a file of the application below the `static_path` setting; never anything a client sent
        :arg include_host: whether the URL is absolute; by default this handler's `include_host`, or else no
        :arg kwargs: passed to `StaticFileHandler.make_static_url`; `include_version=False` leaves the version out
        :raises HTTPError: 403, the path leads out of the static files
        """
        from pyframework.web._static import StaticFileHandler

        self.require_setting("static_path", "static_url")
        settings = self.application.settings
        make = settings.get("static_handler_class", StaticFileHandler).make_static_url
        if include_host is None:
            include_host = getattr(self, "include_host", False)
        base = f"{self.request.protocol}://{self.request.host}" if include_host else ""
        return base + str(make(settings, path, **kwargs))
