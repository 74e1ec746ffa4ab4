"""UI modules: parts of pages that bring their own scripts and styles along."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pyframework import escape

if TYPE_CHECKING:
    from pyframework.web._handler import RequestHandler
    from pyframework.web._render import RenderMixin


class UIModule:
    """A part of a page. Subclasses define `render`, and what their output needs elsewhere in the page.

    One module serves all its uses in one page.

    :arg handler: the handler whose page it is part of
    """

    def __init__(self, handler: "RequestHandler") -> None:
        self.handler = handler
        self.request = handler.request
        self.ui = handler.ui
        self.locale = handler.locale

    @property
    def current_user(self) -> Any:
        """The handler's current user."""
        return self.handler.current_user

    def render(self, *args: Any, **kwargs: Any) -> str | bytes:
        """Override to return the module's HTML."""
        raise NotImplementedError

    def embedded_javascript(self) -> str | None:
        """Override to return a script to put into the page."""
        return None

    def javascript_files(self) -> Iterable[str] | None:
        """Override to return one or more scripts to link: relative paths are static files."""
        return None

    def embedded_css(self) -> str | None:
        """Override to return styles to put into the page."""
        return None

    def css_files(self) -> Iterable[str] | None:
        """Override to return one or more style sheets to link: relative paths are static files."""
        return None

    def html_head(self) -> str | None:
        """Override to return HTML for the page's head."""
        return None

    def html_body(self) -> str | None:
        """Override to return HTML for the end of the page's body."""
        return None

    def render_string(self, path: str, **kwargs: Any) -> bytes:
        """Return a rendered template, as `RequestHandler.render_string` does."""
        return self.handler.render_string(path, **kwargs)


class Linkify(UIModule):
    """Text whose URLs are links; see `escape.linkify`."""

    def render(self, text: str, **kwargs: Any) -> str:
        return escape.linkify(text, **kwargs)


class XsrfFormHtml(UIModule):
    """The hidden input element with the xsrf token."""

    def render(self) -> str:
        return self.handler.xsrf_form_html()


class TemplateModule(UIModule):
    """Renders a template with a namespace of its own.

    The template declares what it needs elsewhere in the page with `set_resources(css_files=..., ...)`: keyword
    arguments named as the methods of `UIModule`. They count once for each template, not for each use of it.
    """

    def __init__(self, handler: "RequestHandler") -> None:
        super().__init__(handler)
        # By template, in order of first use.
        self._resources: dict[str, dict[str, Any]] = {}

    def render(self, path: str, **kwargs: Any) -> bytes:
        def declare(**resources: Any) -> str:
            if self._resources.setdefault(path, resources) != resources:
                raise ValueError("set_resources called with different resources for the same template")
            return ""

        return self.render_string(path, set_resources=declare, **kwargs)

    def _get_resources(self, key: str) -> Iterable[str]:
        return (resources[key] for resources in self._resources.values() if key in resources)

    def embedded_javascript(self) -> str:
        return "\n".join(self._get_resources("embedded_javascript"))

    def javascript_files(self) -> Iterable[str]:
        return self._get_files("javascript_files")

    def embedded_css(self) -> str:
        return "\n".join(self._get_resources("embedded_css"))

    def css_files(self) -> Iterable[str]:
        return self._get_files("css_files")

    def html_head(self) -> str:
        return "".join(self._get_resources("html_head"))

    def html_body(self) -> str:
        return "".join(self._get_resources("html_body"))

    def _get_files(self, key: str) -> list[str]:
        declared = self._get_resources(key)
        return [file for files in declared for file in ([files] if isinstance(files, str) else files)]


class UIModuleNamespace:
    """The modules of an application as attributes and items: each a function that renders for one handler."""

    def __init__(self, handler: "RenderMixin", ui_modules: dict[str, type[UIModule]]) -> None:
        self._classes = ui_modules
        self._handler = handler

    def __getitem__(self, key: str) -> Callable[..., str]:
        return self._handler._ui_module(key, self._classes[key])

    def __getattr__(self, key: str) -> Callable[..., str]:
        if key not in self._classes:
            raise AttributeError(key)
        return self[key]
