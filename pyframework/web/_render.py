"""Templates, UI modules and the locale of a response."""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pyframework import escape
from pyframework.util import ObjectDict
from pyframework.web._response import ResponseMixin
from pyframework.web._ui import UIModule, UIModuleNamespace
from pyframework.web._urls import UrlsMixin
from pyframework.web._user import UserMixin

if TYPE_CHECKING:
    from pyframework.concurrent import Future
    from pyframework.locale import Locale
    from pyframework.template import BaseLoader


class RenderMixin(ResponseMixin, UrlsMixin, UserMixin):
    """What a `RequestHandler` does with templates."""

    # By template path; shared, because compiling a template takes long.
    _template_loaders: ClassVar[dict[str, "BaseLoader"]] = {}
    _template_loader_lock: ClassVar[threading.Lock] = threading.Lock()

    _active_modules: dict[str, UIModule]

    @property
    def ui(self) -> ObjectDict:
        """The application's UI methods and modules, bound to this handler."""
        if self._ui is None:
            application = self.application
            self._ui = ObjectDict((name, self._ui_method(method)) for name, method in application.ui_methods.items())
            self._ui["modules"] = self._ui["_tt_modules"] = UIModuleNamespace(self, application.ui_modules)
        return self._ui

    @ui.setter
    def ui(self, value: ObjectDict) -> None:
        self._ui = value

    def _ui_module(self, name: str, module: type[UIModule]) -> Callable[..., str]:
        def render(*args: Any, **kwargs: Any) -> str:
            if not hasattr(self, "_active_modules"):
                self._active_modules = {}
            if name not in self._active_modules:
                self._active_modules[name] = module(self)  # type: ignore[arg-type]
            return self._active_modules[name].render(*args, **kwargs)  # type: ignore[return-value]

        return render

    def _ui_method(self, method: Callable[..., str]) -> Callable[..., str]:
        return lambda *args, **kwargs: method(self, *args, **kwargs)

    def render(self, template_name: str, **kwargs: Any) -> "Future[None]":
        """Render a template as the response and finish it.

        What the template's UI modules need in the page's head and at the end of its body is put there.

        :arg template_name: as for `render_string`
        :arg kwargs: names for the template
        :returns: as `finish`
        """
        if self._finished:
            raise RuntimeError("Cannot render() after finish()")
        page = self.render_string(template_name, **kwargs)
        modules = list(getattr(self, "_active_modules", {}).values())
        return self.finish(_insert(page, self._head_of(modules), self._foot_of(modules)))

    def _head_of(self, modules: list[UIModule]) -> list[bytes]:
        """Return what the modules want in the head: linked styles, embedded styles, anything else."""
        pieces = []
        if files := _files(module.css_files() for module in modules):
            pieces.append(escape.utf8(self.render_linked_css(files)))
        if embedded := _texts(module.embedded_css() for module in modules):
            pieces.append(self.render_embed_css(embedded))
        if heads := _texts(module.html_head() for module in modules):
            pieces.append(b"".join(heads))
        return pieces

    def _foot_of(self, modules: list[UIModule]) -> list[bytes]:
        """Return what the modules want at the end of the body: linked scripts, embedded scripts, anything else."""
        pieces = []
        if files := _files(module.javascript_files() for module in modules):
            pieces.append(escape.utf8(self.render_linked_js(files)))
        if embedded := _texts(module.embedded_javascript() for module in modules):
            pieces.append(self.render_embed_js(embedded))
        if bodies := _texts(module.html_body() for module in modules):
            pieces.append(b"".join(bodies))
        return pieces

    def render_linked_js(self, js_files: Iterable[str]) -> str:
        """Return the elements that link scripts; override to change them."""
        return "".join(
            f'<script src="{escape.xhtml_escape(url)}" type="text/javascript"></script>'
            for url in self._resource_urls(js_files)
        )

    def render_embed_js(self, js_embed: Iterable[bytes]) -> bytes:
        """Return the element that embeds scripts; override to change it."""
        script = b"\n".join(js_embed)
        return b'<script type="text/javascript">\n//<![CDATA[\n%b\n//]]>\n</script>' % script

    def render_linked_css(self, css_files: Iterable[str]) -> str:
        """Return the elements that link style sheets; override to change them."""
        return "".join(
            f'<link href="{escape.xhtml_escape(url)}" type="text/css" rel="stylesheet"/>'
            for url in self._resource_urls(css_files)
        )

    def render_embed_css(self, css_embed: Iterable[bytes]) -> bytes:
        """Return the element that embeds style sheets; override to change it."""
        return b'<style type="text/css">\n%b\n</style>' % b"\n".join(css_embed)

    def _resource_urls(self, paths: Iterable[str]) -> list[str]:
        """Return the URLs of the files, each once, in order."""
        return list(dict.fromkeys(path if is_absolute(path) else self.static_url(path) for path in paths))

    def render_string(self, template_name: str, **kwargs: Any) -> bytes:
        """Return a rendered template, UTF-8, without sending it.

        :arg template_name: a file below `get_template_path`, or else below the folder of the calling file
        :arg kwargs: names for the template
        """
        path = self.get_template_path() or _folder_of_caller()
        with RenderMixin._template_loader_lock:
            loader = RenderMixin._template_loaders.get(path)
            if loader is None:
                loader = RenderMixin._template_loaders[path] = self.create_template_loader(path)
        namespace = self.get_template_namespace()
        namespace.update(kwargs)
        page: bytes = loader.load(template_name).generate(**namespace)
        return page

    def get_template_path(self) -> str | None:
        """Return where templates are: the `template_path` setting. Override to choose by handler."""
        return self.application.settings.get("template_path")

    def get_template_namespace(self) -> dict[str, Any]:
        """Return the names that every template of this handler sees; override to add some."""
        return {
            "handler": self,
            "request": self.request,
            "current_user": self.current_user,
            "locale": self.locale,
            "_": self.locale.translate,
            "pgettext": self.locale.pgettext,
            "static_url": self.static_url,
            "xsrf_form_html": self.xsrf_form_html,  # type: ignore[attr-defined]
            "reverse_url": self.reverse_url,
            **self.ui,
        }

    def create_template_loader(self, template_path: str) -> "BaseLoader":
        """Return a loader for the templates of a folder: the `template_loader` setting if there is one.

        The settings `autoescape` and `template_whitespace` are passed to it.
        """
        settings = self.application.settings
        if "template_loader" in settings:
            given: BaseLoader = settings["template_loader"]
            return given
        from pyframework.template import Loader

        options: dict[str, Any] = {}
        if "autoescape" in settings:
            # None is a value of its own: no escaping.
            options["autoescape"] = settings["autoescape"]
        if "template_whitespace" in settings:
            options["whitespace"] = settings["template_whitespace"]
        return Loader(template_path, **options)

    @property
    def locale(self) -> "Locale":
        """The locale of this request: from `get_user_locale`, else from `get_browser_locale`, unless it is set."""
        if not hasattr(self, "_locale"):
            self._locale = self.get_user_locale() or self.get_browser_locale()
        return self._locale

    @locale.setter
    def locale(self, value: "Locale") -> None:
        self._locale = value

    def get_user_locale(self) -> "Locale | None":
        """Override to find the locale in the user's profile; None for that of the browser."""
        return None

    def get_browser_locale(self, default: str = "en_US") -> "Locale":
        """Return the best locale of the Accept-Language header (RFC 9110, section 12.5.4).

        :arg default: the code of the locale where the header does not help
        """
        from pyframework import locale

        header = self.request.headers.get("Accept-Language")
        return locale.get(*((_languages(header) if header is not None else []) or [default]))


def is_absolute(path: str) -> bool:
    """Return whether a resource's path is a URL or starts at the root, so that no prefix is put before it."""
    return path.startswith(("/", "http:", "https:"))


def _files(lists: Iterable[str | Iterable[str] | None]) -> list[str]:
    return [file for files in lists if files for file in ([files] if isinstance(files, str) else files)]


def _texts(texts: Iterable[str | None]) -> list[bytes]:
    return [escape.utf8(text) for text in texts if text]


def _insert(html: bytes, head: list[bytes], foot: list[bytes]) -> bytes:
    """Return the page with the pieces at the end of its head and of its body, a line for each."""
    if foot:
        end = html.rindex(b"</body>")
        html = b"\n".join([html[:end] + foot[0], *foot[1:], html[end:]])
    if head:
        end = html.index(b"</head>")
        html = b"\n".join([html[:end] + head[0], *head[1:], html[end:]])
    return html


def _folder_of_caller() -> str:
    frame = sys._getframe()
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return os.path.dirname(frame.f_code.co_filename)


def _languages(header: str) -> list[str]:
    """Return the languages of an Accept-Language header, the preferred first."""
    weights = {}
    for item in header.split(","):
        language, *parameters = item.strip().split(";")
        weight = _weight(parameters[0]) if parameters else 1.0
        if weight > 0:
            weights[language] = weight
    return sorted(weights, key=lambda language: -weights[language])


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
