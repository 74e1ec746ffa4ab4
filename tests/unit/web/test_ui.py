import pytest

from pyframework.web import TemplateModule, UIModule, _linkify, _UIModuleNamespace, _xsrf_form_html


@pytest.fixture
def handler(make_handler):
    handler = make_handler()
    handler.locale = "a locale"
    handler.render_string = lambda path, **names: handler.rendered.append((path, names)) or b"html"
    handler.rendered = []
    return handler


def test_base_class(handler):
    module = UIModule(handler)
    handler.current_user = "me"
    assert (module.handler, module.request, module.ui, module.locale) == (
        handler,
        handler.request,
        handler.ui,
        "a locale",
    )
    assert module.current_user == "me"
    for part in ("embedded_javascript", "javascript_files", "embedded_css", "css_files", "html_head", "html_body"):
        assert getattr(module, part)() is None
    assert module.render_string("a.html", x=1) == b"html"
    assert handler.rendered == [("a.html", {"x": 1})]
    with pytest.raises(NotImplementedError):
        module.render()


def test_built_in_modules(handler):
    assert _linkify(handler).render("http://a.b") == '<a href="http://a.b">http://a.b</a>'
    assert _xsrf_form_html(handler).render() == handler.xsrf_form_html()


def test_template_module(handler):
    module = TemplateModule(handler)

    def render(path, **resources):
        module.render(path, x=1)
        name, names = handler.rendered[-1]
        assert name == path and names["x"] == 1
        return names["set_resources"](**resources)

    assert render("a", css_files="one.css", embedded_css="a {}", html_head="<a>", html_body="<b>") == ""
    assert render("a", css_files="one.css", embedded_css="a {}", html_head="<a>", html_body="<b>") == ""
    assert render("b", css_files=["two.css", "three.css"], embedded_css="b {}", javascript_files=["b.js"]) == ""
    assert render("b", **module._resources["b"]) == ""
    assert list(module.css_files()) == ["one.css", "two.css", "three.css"]
    assert list(module.javascript_files()) == ["b.js"]
    assert module.embedded_css() == "a {}\nb {}"
    assert module.embedded_javascript() == ""
    assert (module.html_head(), module.html_body()) == ("<a>", "<b>")
    with pytest.raises(ValueError, match="different resources"):
        render("a", css_files="two.css")


def test_namespace(handler):
    class Module(UIModule):
        def render(self, x):
            return f"<{x}>"

    namespace = _UIModuleNamespace(handler, {"Module": Module})
    assert namespace.Module(1) == namespace["Module"](1) == "<1>"
    with pytest.raises(AttributeError):
        _ = namespace.nix
    with pytest.raises(KeyError):
        namespace["nix"]
