import logging
from types import ModuleType, SimpleNamespace
from unittest.mock import Mock

import pytest

from pyframework import web
from pyframework.routing import AnyMatches, Rule
from pyframework.web import (
    Application,
    ErrorHandler,
    GZipContentEncoding,
    OutputTransform,
    RequestHandler,
    StaticFileHandler,
    UIModule,
    URLSpec,
    _ApplicationRouter,
)


class Reply(RequestHandler):
    def initialize(self, reply="reply"):
        self.reply = reply

    def get(self, *args):
        self.write(self.reply)


def test_rules_in_order(fetch):
    application = Application(
        [
            ("/a", Reply, {"reply": "tuple"}),
            URLSpec("/b", Reply, {"reply": "spec"}),
            Rule(AnyMatches(), [("/c", Reply, {"reply": "nested"})]),
            ("/[abc]", Reply, {"reply": "late"}),
        ]
    )
    bodies = [fetch(application, path).body for path in ("/a", "/b", "/c")]
    assert bodies == [b"tuple", b"spec", b"nested"]
    assert fetch(application, "/d").status == 404


def test_handler_by_name(fetch):
    application = Application([("/", "pyframework.web.ErrorHandler", {"status_code": 418})])
    assert fetch(application).status == 418


def test_hosts(fetch):
    application = Application([("/a", Reply)])
    application.add_handlers(r"www\.example\.org", [("/a", Reply, {"reply": "org"})])
    application.add_handlers(".*", [("/b", Reply, {"reply": "any"})])
    assert fetch(application, "/a", headers={"Host": "www.example.org:80"}).body == b"org"
    assert fetch(application, "/b", headers={"Host": "www.example.org"}).body == b"any"
    assert fetch(application, "/a").body == b"reply"
    assert len(application.default_router.rules) == 3
    assert application.default_router.rules[-1].target is application.wildcard_router


def test_default_host(fetch):
    application = Application([], default_host="example.org")
    application.add_handlers(r"example\.org", [("/a", Reply)])
    assert fetch(application, "/a").body == b"reply"
    assert fetch(application, "/a", headers={"X-Real-Ip": "127.0.0.1"}).status == 404
    application.default_host = "example.net"
    assert fetch(application, "/a").status == 404


def test_rules_may_change_later(fetch):
    application = Application([("/a", Reply)])
    assert fetch(application, "/b").status == 404
    application.wildcard_router.rules.append(application.wildcard_router.process_rule(URLSpec("/b", Reply)))
    assert fetch(application, "/b").body == b"reply"
    assert isinstance(application.wildcard_router, _ApplicationRouter)


def test_default_handler(fetch):
    settings = {"default_handler_class": Reply, "default_handler_args": {"reply": "default"}}
    assert fetch(Application([], **settings), "/nix").body == b"default"
    assert fetch(Application([], default_handler_class=Reply), "/nix").body == b"reply"


def test_reverse_url():
    application = Application([URLSpec("/a/(.*)", Reply, name="a"), (AnyMatches(), [URLSpec("/b", Reply, name="b")])])
    assert application.reverse_url("a", "x y") == "/a/x%20y"
    assert application.reverse_url("b") == "/b"
    with pytest.raises(KeyError, match="nix"):
        application.reverse_url("nix")


def test_transforms():
    assert Application().transforms == []
    assert Application(gzip=True).transforms == Application(compress_response=True).transforms == [GZipContentEncoding]
    assert Application(transforms=[], gzip=True).transforms == []
    application = Application()
    application.add_transform(OutputTransform)
    assert application.transforms == [OutputTransform]


def test_debug_sets_defaults(monkeypatch):
    application = Application(debug=True, autoreload=False, serve_traceback=False)
    assert application.settings == {
        "debug": True,
        "autoreload": False,
        "compiled_template_cache": False,
        "static_hash_cache": False,
        "serve_traceback": False,
    }


def test_static_files():
    application = Application(
        [("/a", Reply)], static_path="/p", static_url_prefix="/s.t/", static_handler_args={"default_filename": "i"}
    )
    *static, own = application.wildcard_router.rules
    assert own.target is Reply
    assert {rule.matcher.regex.pattern for rule in static} == {
        r"/(robots\.txt)$",
        r"/(favicon\.ico)$",
        r"/s\.t/(.*)$",
    }
    for rule in static:
        assert rule.target is StaticFileHandler
        assert rule.target_kwargs == {"path": "/p", "default_filename": "i"}


def test_ui_methods_and_modules():
    class Module(UIModule):
        pass

    module = ModuleType("module")
    module.method = lambda handler: "m"
    module._private = module.Upper = lambda handler: "no"
    module.Module = Module
    application = Application(ui_methods=[module, {"other": module.method}], ui_modules=module)
    assert application.ui_methods == {"method": module.method, "other": module.method}
    assert set(application.ui_modules) == {"linkify", "xsrf_form_html", "Template", "Module"}
    with pytest.raises(AssertionError, match="expected a module"):
        Application(ui_modules=5)


@pytest.mark.parametrize(
    ("status", "level"), [(200, logging.INFO), (304, logging.INFO), (404, logging.WARNING), (503, logging.ERROR)]
)
def test_log(fetch, caplog, status, level):
    class Handler(RequestHandler):
        def get(self):
            self.set_status(status)

    with caplog.at_level(logging.INFO):
        fetch(Handler, "/a?b")
    (record,) = [record for record in caplog.records if record.name == "tornado.access"]
    assert record.levelno == level
    assert record.getMessage().startswith(f"{status} GET /a?b (127.0.0.1) ")
    assert record.getMessage().endswith("ms")


def test_nothing_is_computed_for_a_log_that_is_off(fetch, monkeypatch):
    class Handler(RequestHandler):
        def get(self):
            pass

        def _request_summary(self):
            raise AssertionError

    fetch(Handler)


@pytest.mark.parametrize(("status", "method"), [(200, "info"), (404, "warning"), (503, "error")])
def test_the_log_is_looked_up_where_web_has_it(fetch, monkeypatch, status, method):
    class Handler(RequestHandler):
        def get(self):
            self.set_status(status)

    log = Mock()
    monkeypatch.setattr(web, "access_log", log)
    fetch(Handler)
    assert [call[0] for call in log.method_calls] == [method]


def test_the_logged_status_is_what_get_status_says(fetch, caplog):
    class Odd(RequestHandler):
        def get(self):
            pass

        def get_status(self):
            return 599

    fetch(Odd)
    assert caplog.messages[0].startswith("599 GET / ")


def test_log_request_of_a_stand_in(caplog):
    request = SimpleNamespace(request_time=lambda: 0.0015)
    stand_in = SimpleNamespace(get_status=lambda: 404, _request_summary=lambda: "summary", request=request)
    Application().log_request(stand_in)
    assert caplog.messages == ["404 summary 1.50ms"]


def test_log_function(fetch):
    logged = []
    fetch(Reply, log_function=lambda handler: logged.append(handler.get_status()))
    assert logged == [200]


def test_call_with_a_whole_request(in_loop, make_handler):
    async def main():
        request = make_handler(path="/a").request
        assert Application([("/a", Reply)])(request) is None
        return request.connection

    assert in_loop(main()).body == b"reply"


def test_overridden_hooks_are_used(fetch):
    class Mine(Application):
        def find_handler(self, request, **kwargs):
            assert not kwargs
            return self.get_handler_delegate(request, ErrorHandler, {"status_code": 402})

        def get_handler_delegate(self, request, target_class, target_kwargs=None, path_args=None, path_kwargs=None):
            seen.append(target_class)
            return super().get_handler_delegate(request, target_class, target_kwargs, path_args, path_kwargs)

    seen = []
    assert fetch(Mine()).status == 402
    assert seen == [ErrorHandler]


def test_listen(in_loop):
    async def main():
        server = Application([("/", Reply)]).listen(0, "127.0.0.1")
        server.stop()

    in_loop(main())
