"""The application: settings, rules, and which handler a request goes to."""

import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pyframework import httputil, web
from pyframework._core.routes import PathIndex
from pyframework.routing import (
    AnyMatches,
    DefaultHostMatches,
    HostMatches,
    ReversibleRouter,
    ReversibleRuleRouter,
    Rule,
)
from pyframework.web._delegate import _HandlerDelegate
from pyframework.web._error_handler import ErrorHandler
from pyframework.web._handler import RequestHandler
from pyframework.web._static import StaticFileHandler
from pyframework.web._transforms import GZipContentEncoding, OutputTransform, listed_encodings
from pyframework.web._ui import Linkify, TemplateModule, UIModule, XsrfFormHtml

if TYPE_CHECKING:
    from pyframework.httpserver import HTTPServer
    from pyframework.routing import _RuleList

_UI_MODULES = {"linkify": Linkify, "xsrf_form_html": XsrfFormHtml, "Template": TemplateModule}

_DEBUG_SETTINGS = {
    "autoreload": True,
    "compiled_template_cache": False,
    "static_hash_cache": False,
    "serve_traceback": True,
}


class _ApplicationRouter(ReversibleRuleRouter):
    """Routes to `RequestHandler` classes, and to lists of rules, besides all that other routers know.

    :arg application: whose handlers they are
    :arg rules: as for `Application`
    """

    def __init__(self, application: "Application", rules: "_RuleList | None" = None) -> None:
        # Before the rules: those that are lists become routers of the same application.
        self.application = application
        super().__init__(rules)

    def process_rule(self, rule: Rule) -> Rule:
        if isinstance(rule.target, (list, tuple)):
            rule.target = _ApplicationRouter(self.application, rule.target)
        return super().process_rule(rule)

    def get_target_delegate(
        self, target: Any, request: httputil.HTTPServerRequest, **target_params: Any
    ) -> httputil.HTTPMessageDelegate | None:
        if not _is_handler_class(target):
            return super().get_target_delegate(target, request, **target_params)
        return self.application.get_handler_delegate(request, target, **target_params)

    def index_for_any_host(self) -> "PathIndex | None":
        """Return the index of the rules that all requests are tried on; None where the first rule asks for more."""
        if type(self) is not _ApplicationRouter:
            return None
        only = self.rules[0] if len(self.rules) == 1 else None
        if only is None or type(only.matcher) is not AnyMatches or not isinstance(only.target, _ApplicationRouter):
            return self._rules.path_index()
        return None if only.target_kwargs else only.target.index_for_any_host()


class Application(ReversibleRouter):
    """A web application: rules that lead from requests to handlers, and settings that these share.

    :arg handlers: rules, the first that matches wins: `Rule` or `URLSpec` objects or tuples
        `(pattern, handler class, kwargs, name)`, the last two optional
    :arg default_host: the host whose rules apply to requests for unknown hosts
    :arg transforms: classes of output transforms; by default those of the setting `compress_response`: true for
        gzip, or a list of codings out of br, zstd and gzip, the best first
    :arg settings: available to handlers as `self.settings`
    """

    def __init__(
        self,
        handlers: "_RuleList | None" = None,
        default_host: str | None = None,
        transforms: "list[type[OutputTransform]] | None" = None,
        **settings: Any,
    ) -> None:
        if transforms is None:
            transforms = _compression(settings.get("compress_response") or settings.get("gzip"))
        self.transforms = transforms
        self.default_host = default_host
        self.settings = settings
        if settings.get("debug"):
            self.settings = {**_DEBUG_SETTINGS, **settings}
        self.ui_methods: dict[str, Callable[..., str]] = {}
        self.ui_modules: dict[str, type[UIModule]] = dict(_UI_MODULES)
        self._load_ui_methods(settings.get("ui_methods", {}))
        self._load_ui_modules(settings.get("ui_modules", {}))
        rules = [*_static_rules(settings), *(handlers or [])]
        self.wildcard_router = _ApplicationRouter(self, rules)
        self.default_router = _ApplicationRouter(self, [Rule(AnyMatches(), self.wildcard_router)])
        if self.settings.get("autoreload"):
            from pyframework import autoreload

            autoreload.start()

    def listen(
        self,
        port: int,
        address: str | None = None,
        *,
        family: socket.AddressFamily = socket.AF_UNSPEC,
        backlog: int = 128,
        flags: int | None = None,
        reuse_port: bool = False,
        **kwargs: Any,
    ) -> "HTTPServer":
        """Start a server for this application in this process.

        :arg port, address, family, backlog, flags, reuse_port: as for `TCPServer.listen`
        :arg kwargs: as for `HTTPServer`
        :returns: the server, which runs with the event loop
        """
        from pyframework.httpserver import HTTPServer

        server = HTTPServer(self, **kwargs)
        server.listen(port, address, family=family, backlog=backlog, flags=flags, reuse_port=reuse_port)
        return server

    def add_handlers(self, host_pattern: str, host_handlers: "_RuleList") -> None:
        """Add rules for the hosts that match a regular expression, before those for any host.

        :arg host_pattern: matched against the whole name, without port
        :arg host_handlers: as for `Application`
        """
        host = HostMatches(host_pattern)
        # The last rule leads to the handlers for any host.
        self.default_router.rules.insert(-1, self.default_router.process_rule(Rule(host, host_handlers)))
        if self.default_host is not None:
            self.wildcard_router.add_rules([(DefaultHostMatches(self, host.host_pattern), host_handlers)])

    def add_transform(self, transform_class: "type[OutputTransform]") -> None:
        """Add an output transform, after those that are there."""
        self.transforms.append(transform_class)

    def _load_ui_methods(self, methods: Any) -> None:
        """Take UI methods from a dict, a module (its public functions in lower case) or a list of these."""
        for name, method in _named(methods):
            if not name.startswith("_") and callable(method) and name[0].lower() == name[0]:
                self.ui_methods[name] = method

    def _load_ui_modules(self, modules: Any) -> None:
        """Take UI modules from a dict, a module (its UIModule classes) or a list of these."""
        for name, module in _named(modules):
            if isinstance(module, type) and issubclass(module, UIModule):
                self.ui_modules[name] = module

    def __call__(self, request: httputil.HTTPServerRequest) -> Awaitable[None] | None:
        """Answer a request whose body is there already."""
        return self.find_handler(request).execute()

    def find_handler(self, request: httputil.HTTPServerRequest, **kwargs: Any) -> "_HandlerDelegate":
        """Return what answers a request: by the rules, else `default_handler_class`, else 404."""
        found: Any = self.default_router.find_handler(request)
        if found is not None:
            return found  # type: ignore[no-any-return]
        default = self.settings.get("default_handler_class")
        if default is not None:
            return self.get_handler_delegate(request, default, self.settings.get("default_handler_args", {}))
        return self.get_handler_delegate(request, ErrorHandler, {"status_code": 404})

    def get_handler_delegate(
        self,
        request: httputil.HTTPServerRequest,
        target_class: type[RequestHandler],
        target_kwargs: dict[str, Any] | None = None,
        path_args: list[bytes] | None = None,
        path_kwargs: dict[str, bytes] | None = None,
    ) -> "_HandlerDelegate":
        """Return what answers a request with a handler of a class.

        :arg request: the request
        :arg target_class: the class
        :arg target_kwargs: for the handler's `initialize`
        :arg path_args, path_kwargs: for the handler's method
        """
        return _HandlerDelegate(self, request, target_class, target_kwargs, path_args, path_kwargs)

    # What is in the place of these is compared with them: only where nobody replaced one, is there a shorter way.
    _plain_find_handler = find_handler
    _plain_get_handler_delegate = get_handler_delegate

    def _route_index(self) -> PathIndex | None:
        cls = type(self)
        find, get = cls.find_handler, cls.get_handler_delegate
        if find is not cls._plain_find_handler or get is not cls._plain_get_handler_delegate:
            return None
        return self.default_router.index_for_any_host()

    def reverse_url(self, name: str, *args: Any) -> str:
        """Return the path of a named rule, with the arguments in place of its groups.

        :raises KeyError: no rule has this name
        """
        url = self.default_router.reverse_url(name, *args)
        if url is None:
            raise KeyError(f"{name} not found in named urls")
        return url

    def log_request(self, handler: RequestHandler) -> None:
        """Log a finished request: to `tornado.access`, or with the `log_function` setting."""
        if "log_function" in self.settings:
            self.settings["log_function"](handler)
            return
        status, logger = handler.get_status(), web.access_log
        log = logger.info if status < 400 else logger.warning if status < 500 else logger.error
        log("%d %s %.2fms", status, handler._request_summary(), 1000.0 * handler.request.request_time())

    _plain_log_request = log_request


def _compression(setting: Any) -> "list[type[OutputTransform]]":
    if isinstance(setting, (list, tuple)):
        return [listed_encodings(setting)]
    return [GZipContentEncoding] if setting else []


def _is_handler_class(target: Any) -> bool:
    return isinstance(target, type) and issubclass(target, RequestHandler)


def _static_rules(settings: dict[str, Any]) -> Sequence[Any]:
    path = settings.get("static_path")
    if not path:
        return []
    handler = settings.get("static_handler_class", StaticFileHandler)
    arguments = {**settings.get("static_handler_args", {}), "path": path}
    prefix = re.escape(settings.get("static_url_prefix", "/static/"))
    return [(pattern, handler, arguments) for pattern in (r"/(robots\.txt)", r"/(favicon\.ico)", prefix + r"(.*)")]


def _named(source: Any) -> Iterable[tuple[str, Any]]:
    """Yield names with their objects from a module, a dict, or a list of these."""
    if isinstance(source, ModuleType):
        yield from vars(source).items()
    elif isinstance(source, list):
        for each in source:
            yield from _named(each)
    else:
        assert isinstance(source, dict), f"expected a module, a dict or a list of these, not {source!r}"
        yield from source.items()
