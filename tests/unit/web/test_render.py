import gc
import weakref

import pytest

from pyframework.web import RequestHandler, UIModule, _render, is_absolute


class Loader:
    """Templates that are Python functions of their namespace."""

    def __init__(self, **templates):
        self.templates = templates

    def load(self, name):
        return self

    def generate(self, **namespace):
        return self.templates["page"](namespace)


class Locale:
    code = "xx"

    def translate(self, text):
        return text

    pgettext = translate


class Handler(RequestHandler):
    def get_user_locale(self):
        return Locale()

    def get(self):
        self.render("page", x=1)


@pytest.fixture(autouse=True)
def forget_loaders():
    yield
    RequestHandler._template_loaders.clear()


class Module(UIModule):
    def render(self, x):
        return f"<m{x}>"

    def embedded_javascript(self):
        return "js()"

    def javascript_files(self):
        return ["/a.js", "http://x/b.js", "/a.js"]

    def embedded_css(self):
        return "m {}"

    def css_files(self):
        return "/a.css"

    def html_head(self):
        return "<head1>"

    def html_body(self):
        return "<body1>"


def test_page(fetch):
    loader = Loader(page=lambda names: b"<head></head><body>%d</body>" % names["x"])
    answer = fetch(Handler, template_loader=loader, template_path="a")
    assert answer.body == b"<head></head><body>1</body>"
    assert RequestHandler._template_loaders["a"] is loader


def test_page_with_modules(fetch):
    def page(names):
        return f"<head></head><body>{names['modules'].Module(1)}{names['_tt_modules']['Module'](2)}</body>".encode()

    answer = fetch(Handler, template_loader=Loader(page=page), ui_modules={"Module": Module})
    assert answer.body.decode() == (
        '<head><link href="/a.css" type="text/css" rel="stylesheet"/>\n'
        '<style type="text/css">\nm {}\n</style>\n'
        "<head1>\n"
        "</head><body><m1><m2>"
        '<script src="/a.js" type="text/javascript"></script>'
        '<script src="http://x/b.js" type="text/javascript"></script>\n'
        '<script type="text/javascript">\n//<![CDATA[\njs()\n//]]>\n</script>\n'
        "<body1>\n"
        "</body>"
    )


def test_ui_methods(fetch):
    def method(handler, x):
        return f"{handler.request.path}{x}"

    loader = Loader(page=lambda names: names["method"](5).encode())
    assert fetch(Handler, "/a", template_loader=loader, ui_methods={"method": method}).body == b"/a5"


def test_namespace(make_handler):
    handler = make_handler(Handler)
    assert set(handler.get_template_namespace()) == {
        *("handler", "request", "current_user", "locale", "_", "pgettext", "static_url", "xsrf_form_html"),
        *("reverse_url", "modules", "_tt_modules"),
    }


def test_after_the_end(fetch, caplog):
    class Late(Handler):
        def get(self):
            self.finish()
            self.render("page")

    fetch(Late)
    assert "Cannot render() after finish()" in caplog.text


def test_templates_beside_the_calling_file(make_handler):
    paths = []

    class Handler_(Handler):
        def create_template_loader(self, template_path):
            paths.append(template_path)
            return Loader(page=lambda names: b"")

    make_handler(Handler_).render_string("page")
    assert paths == [__file__.rpartition("/")[0]]


def test_linked_files(make_handler):
    handler = make_handler(static_path="p")
    handler.static_url = lambda path: "/static/" + path
    assert handler.render_linked_css(["a&b", "/c"]) == (
        '<link href="/static/a&amp;b" type="text/css" rel="stylesheet"/>'
        '<link href="/c" type="text/css" rel="stylesheet"/>'
    )
    assert is_absolute("https://x") and is_absolute("/x") and not is_absolute("x")


def test_a_rendered_page_keeps_no_handler(fetch):
    handlers = []

    def page(names):
        handlers.append(weakref.ref(names["handler"]))
        return b""

    gc.collect()
    gc.disable()
    try:
        fetch(Handler, template_loader=Loader(page=page))
        assert handlers[0]() is None
    finally:
        gc.enable()


def test_locale_is_found_once(make_handler):
    handler = make_handler(Handler)
    assert handler.locale is handler.locale
    handler.locale = "mine"
    assert handler.locale == "mine"


@pytest.mark.parametrize(
    ("header", "languages"),
    [
        ("en-US,fr;q=0.5", ["en-US", "fr"]),
        ("es-ES;q=0.1, es;q=0.9", ["es", "es-ES"]),
        ("fr;q=0, de;q=-1, it;q=x, pl;q=nan", []),
        ("fr; q=0.9", ["fr"]),
        ("a;b;c", ["a"]),
        ("", [""]),
    ],
)
def test_accept_language(header, languages):
    assert _render._languages(header) == languages
