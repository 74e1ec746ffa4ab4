from pyframework import httputil
from pyframework.web import Application, FallbackHandler, RequestHandler


def test_fallback_answers(fetch):
    def fallback(request):
        request.connection.write_headers(httputil.ResponseStartLine("", 203, "x"), httputil.HTTPHeaders(), b"other")
        request.connection.finish()

    answer = fetch(Application([("/(.*)", FallbackHandler, {"fallback": fallback})]), "/a", "POST", None, b"x")
    assert (answer.status, answer.body, answer.calls) == (203, b"other", ["write_headers", "finish"])


def test_another_application(fetch):
    class Handler(RequestHandler):
        def get(self):
            self.write("inner")

    outer = Application([(".*", FallbackHandler, {"fallback": Application([("/a", Handler)])})])
    assert fetch(outer, "/a").body == b"inner"
    assert fetch(outer, "/b").status == 404
