import random
import re
from typing import Any

import pytest

from pyframework.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    HTTPServerRequest,
    RequestStartLine,
)
from pyframework.routing import (
    AnyMatches,
    DefaultHostMatches,
    HostMatches,
    Matcher,
    PathMatches,
    ReversibleRouter,
    ReversibleRuleRouter,
    Router,
    Rule,
    RuleRouter,
    URLSpec,
)


def request(path: str, host: str = "h", **fields: str) -> HTTPServerRequest:
    headers = HTTPHeaders({"Host": host, **fields})
    return HTTPServerRequest(
        start_line=RequestStartLine("GET", path, "HTTP/1.1"),
        headers=headers,
        connection=Connection(),
        server_connection="server",
    )


class Connection(HTTPConnection):
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[Any] = []

    def write_headers(self, start_line: Any, headers: HTTPHeaders, chunk: bytes | None = None) -> Any:
        self.written.append((start_line, dict(headers), chunk))

    def finish(self) -> None:
        self.written.append("finish")


class Recorder(HTTPMessageDelegate):
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        self.calls.append((start_line.path, headers["Host"]))

    def data_received(self, chunk: bytes) -> None:
        self.calls.append(chunk)

    def finish(self) -> None:
        self.calls.append("finish")

    def on_connection_close(self) -> None:
        self.calls.append("close")


class Naming(RuleRouter):
    """Its targets are names, in bytes; a request's delegate is the name and what the matcher said."""

    def get_target_delegate(self, target: Any, request: HTTPServerRequest, **target_params: Any) -> Any:
        if isinstance(target, Router):
            return super().get_target_delegate(target, request, **target_params)
        return None if target is None else (target, target_params)


def found(router: RuleRouter, path: str) -> Any:
    result: Any = router.find_handler(request(path))
    return result and result[0]


class TestPathMatches:
    @pytest.mark.parametrize(
        ("pattern", "path", "expected"),
        [
            ("/a", "/a", {}),
            ("/a", "/ab", None),
            ("/a", "/x/a", None),
            ("/(a)(b)?", "/a", {"path_args": [b"a", None], "path_kwargs": {}}),
            ("/(.*)", "/%FF+%2F", {"path_args": [b"\xff+/"], "path_kwargs": {}}),
            ("/(?P<x>.*)/(?P<y>.*)", "/a/b%20c", {"path_args": [], "path_kwargs": {"x": b"a", "y": b"b c"}}),
            (re.compile("/a"), "/ab", {}),
            (re.compile("/A", re.IGNORECASE), "/a", {}),
        ],
    )
    def test_match(self, pattern: Any, path: str, expected: Any) -> None:
        assert PathMatches(pattern).match(request(path)) == expected

    @pytest.mark.parametrize(
        ("pattern", "args", "url"),
        [
            ("/a", (), "/a"),
            (r"^/a\.b$", (), "/a.b"),
            (r"/(\d+)/([^/]+)/x", (5, "a/b \xe9"), "/5/a/b%20%C3%A9/x"),
            ("/(?P<x>.*)", (b"\xff",), "/%FF"),
            ("/100%/%s/(.)", ("a",), "/100%/%s/a"),
        ],
    )
    def test_reverse(self, pattern: str, args: tuple[Any, ...], url: str) -> None:
        assert PathMatches(pattern).reverse(*args) == url

    @pytest.mark.parametrize("pattern", [r"/\d", "(?:/x)(.)", "/(a(b))", "/a(?:b)?"])
    def test_what_cannot_be_reversed(self, pattern: str) -> None:
        matcher = PathMatches(pattern)
        assert (matcher._path, matcher._group_count) == (None, None)
        with pytest.raises(ValueError, match="Cannot reverse"):
            matcher.reverse("x", "y")

    def test_errors(self) -> None:
        with pytest.raises(AssertionError, match="all named or all positional"):
            PathMatches("/(a)(?P<b>.)")
        with pytest.raises(AssertionError, match="takes 1 arguments"):
            PathMatches("/(.)").reverse()

    def test_names_that_others_read(self) -> None:
        matcher = PathMatches("/a/(.*)")
        assert (matcher.regex.pattern, matcher._path, matcher._group_count) == ("/a/(.*)$", "/a/%s", 1)
        assert matcher._find_groups() == ("/a/%s", 1)


class TestOtherMatchers:
    def test_hosts(self) -> None:
        matcher = HostMatches("a.com")
        assert matcher.match(request("/", "A.com:80")) == {}
        assert matcher.match(request("/", "a.com.b")) is None
        assert HostMatches(re.compile("a")).match(request("/", "ab")) == {}

    def test_the_default_host(self) -> None:
        class Application:
            default_host = "d"

        matcher = DefaultHostMatches(Application(), re.compile("d$"))
        assert matcher.match(request("/")) == {}
        assert matcher.match(request("/", **{"X-Real-Ip": "1.2.3.4"})) is None
        Application.default_host = "other"
        assert matcher.match(request("/")) is None

    def test_any_and_the_base_class(self) -> None:
        assert AnyMatches().match(request("/")) == {}
        assert AnyMatches().reverse() is None
        with pytest.raises(NotImplementedError):
            Matcher().match(request("/"))


class TestRules:
    def test_rule(self) -> None:
        rule = Rule(PathMatches("/(.)"), "pyframework.routing.Router", name="n")
        assert (rule.target, rule.target_kwargs, rule.name) == (Router, {}, "n")
        assert rule.reverse("x") == "/x"
        assert "kwargs={}, name='n'" in repr(rule)

    def test_url_spec(self) -> None:
        spec = URLSpec("/a", Router, {"k": 1}, "n")
        assert (spec.regex.pattern, spec.handler_class, spec.kwargs) == ("/a$", Router, {"k": 1})
        assert (spec.target, spec.target_kwargs, spec.name) == (Router, {"k": 1}, "n")
        assert repr(spec).startswith("URLSpec('/a$', ")

    @pytest.mark.parametrize("rule", [("/a",), ("/a", None, {}, "n", 1), []])
    def test_bad_tuples(self, rule: Any) -> None:
        with pytest.raises(AssertionError):
            RuleRouter([rule])

    def test_tuples(self) -> None:
        matcher = AnyMatches()
        first, second, third = RuleRouter([("/a", 1), [matcher, 2], ("/b", 3, {"k": 1}, "n")]).rules
        assert isinstance(first.matcher, PathMatches) and first.target == 1
        assert second.matcher is matcher
        assert (third.target_kwargs, third.name) == ({"k": 1}, "n")


class TestRuleRouter:
    def test_the_first_rule_wins(self) -> None:
        router = Naming([("/a.*", b"wide"), ("/ab", b"whole"), ("/b", None), (AnyMatches(), b"any")])
        assert [found(router, path) for path in ("/ab", "/a", "/b", "/c")] == [b"wide", b"wide", b"any", b"any"]

    def test_arguments_for_the_target(self) -> None:
        router: Any = Naming([("/(.)", b"one", {"k": 1}), ("/(?P<n>..)", b"two"), ("/whole", b"three", {"k": 2})])
        assert router.find_handler(request("/a")) == (
            b"one",
            {"path_args": [b"a"], "path_kwargs": {}, "target_kwargs": {"k": 1}},
        )
        assert router.find_handler(request("/ab"))[1] == {"path_args": [], "path_kwargs": {"n": b"ab"}}
        assert router.find_handler(request("/whole"))[1] == {"target_kwargs": {"k": 2}}

    def test_no_rule(self) -> None:
        assert Naming().find_handler(request("/")) is None
        assert found(Naming([("/a", b"a")]), "/b") is None

    def test_kinds_of_targets(self) -> None:
        class Server(HTTPServerConnectionDelegate):
            def start_request(self, server_conn: object, request_conn: HTTPConnection) -> Any:
                return server_conn, request_conn

        inner = RuleRouter([("/server", Server())])
        router: Any = RuleRouter([("/.*", inner), ("/call", lambda it, **kwargs: None), ("/number", 5)])
        it = request("/server")
        assert router.find_handler(it) == ("server", it.connection)
        assert isinstance(router.find_handler(request("/call")), HTTPMessageDelegate)
        assert router.find_handler(request("/number")) is None

    def test_a_router_gets_the_arguments(self) -> None:
        class Inner(Router):
            def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
                return kwargs

        it: Any = RuleRouter([("/(.)", Inner())]).find_handler(request("/a"))
        assert it == {"path_args": [b"a"], "path_kwargs": {}}

    def test_rules_pass_process_rule(self) -> None:
        class Renaming(Naming):
            def process_rule(self, rule: Rule) -> Rule:
                return Rule(rule.matcher, rule.target.upper())

        assert found(Renaming([("/a", b"a")]), "/a") == b"A"


class TestChangesOfRules:
    """Each way to change a list, after the first request has been routed."""

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (lambda rules, new: rules.append(new), b"old"),
            (lambda rules, new: rules.insert(0, new), b"new"),
            (lambda rules, new: rules.extend([new]), b"old"),
            (lambda rules, new: rules.__iadd__([new]), b"old"),
            (lambda rules, new: rules.__imul__(2), b"old"),
            (lambda rules, new: rules.__setitem__(0, new), b"new"),
            (lambda rules, new: rules.__setitem__(slice(None), [new]), b"new"),
            (lambda rules, new: rules.pop(0), b"other"),
            (lambda rules, new: rules.remove(rules[0]), b"other"),
            (lambda rules, new: rules.__delitem__(0), b"other"),
            (lambda rules, new: rules.clear(), None),
            (lambda rules, new: rules.reverse(), b"other"),
            (lambda rules, new: rules.sort(key=lambda rule: rule.target, reverse=True), b"other"),
        ],
    )
    def test_in_place(self, change: Any, expected: bytes | None) -> None:
        router = Naming([("/a", b"old"), ("/.*", b"other")])
        assert found(router, "/a") == b"old"
        change(router.rules, Rule(PathMatches("/a"), b"new"))
        assert found(router, "/a") == expected

    def test_another_list(self) -> None:
        router = Naming([("/a", b"old")])
        assert found(router, "/a") == b"old"
        router.rules = [Rule(PathMatches("/a"), b"new")]
        assert found(router, "/a") == b"new"
        router.add_rules([("/b", b"b")])
        assert found(router, "/b") == b"b"

    def test_the_list_is_a_list(self) -> None:
        rules = Naming([("/a", b"a"), ("/b", b"b")]).rules
        assert isinstance(rules, list)
        assert rules.index(rules[1]) == 1
        assert [rule.target for rule in rules[::-1]] == [b"b", b"a"]


class Everything(PathMatches):
    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return {}


class TestIndex:
    """The router must find what trying all rules one after another would find."""

    def test_a_matcher_of_ones_own_is_always_tried(self) -> None:
        assert found(Naming([(Everything("/zzz"), b"own"), ("/a", b"a")]), "/a") == b"own"

    @pytest.mark.parametrize(
        ("pattern", "path"),
        [
            (re.compile("/A", re.IGNORECASE), "/a"),
            (re.compile(" / a", re.VERBOSE), "/a"),
            ("/x|/a", "/a"),
            ("(/x|/a)", "/a"),
            ("/ab?", "/a"),
            ("/b*a", "/a"),
            ("/b{0}a", "/a"),
            (r"/a\.?", "/a"),
            ("/x[|]|/a", "/a"),
            ("/x(?#()|/a", "/a"),
            (r"/\x61", "/a"),
            ("^/a", "/a"),
            (re.compile("/"), "/a"),
            (re.compile(""), "/a"),
        ],
    )
    def test_patterns_whose_beginning_misleads(self, pattern: Any, path: str) -> None:
        router = Naming([(PathMatches(pattern), b"it"), ("/a", b"other"), ("/ab", b"more")])
        assert found(router, path) == b"it"

    def test_against_all_rules_in_order(self) -> None:
        chance = random.Random(20)
        pieces = ["/", "a", "b", "c", ".*", "(.)", r"\d", "[ab]", "?", "+", "|", "$", "^", r"\.", "(a|b)", "[^)|]"]
        matched = 0
        for _ in range(600):
            rules = []
            for number in range(chance.randint(1, 8)):
                pattern = "/" + "".join(chance.choices(pieces, k=chance.randint(0, 5)))
                try:
                    rules.append(Rule(PathMatches(pattern), number))
                except re.error:
                    continue
            router = Naming(rules)
            for _ in range(10):
                path = "/" + "".join(chance.choices("/abc.1", k=chance.randint(0, 5)))
                expected = next((rule.target for rule in rules if rule.matcher.match(request(path)) is not None), None)
                assert found(router, path) == expected, (path, [rule.matcher.regex.pattern for rule in rules])  # type: ignore[attr-defined]
                matched += expected is not None
        assert matched > 1000

    def test_few_rules_are_tried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tried = []
        match = PathMatches.match

        def counting(self: PathMatches, request: HTTPServerRequest) -> dict[str, Any] | None:
            tried.append(self.regex.pattern)
            return match(self, request)

        monkeypatch.setattr(PathMatches, "match", counting)
        router = Naming([(rf"/r{number}/(\d+)", number) for number in range(500)] + [("/.*", b"last")])
        assert found(router, "/r123/7") == 123
        assert found(router, "/none") == b"last"
        assert len(tried) <= 4


class TestReversing:
    def test_names(self) -> None:
        inner = ReversibleRuleRouter([Rule(PathMatches("/in/(.)"), 1, name="in")])
        router = ReversibleRuleRouter([Rule(PathMatches("/a"), 1, name="a"), Rule(AnyMatches(), inner)])
        assert router.reverse_url("a") == "/a"
        assert router.reverse_url("in", "q") == "/in/q"
        assert router.reverse_url("unknown") is None
        assert list(router.named_rules) == ["a"]

    def test_a_router_of_ones_own(self) -> None:
        class Own(ReversibleRouter):
            def reverse_url(self, name: str, *args: Any) -> str | None:
                return f"/own/{name}"

        assert ReversibleRuleRouter([(AnyMatches(), Own())]).reverse_url("x") == "/own/x"

    def test_a_name_twice(self, caplog: pytest.LogCaptureFixture) -> None:
        rules = [Rule(PathMatches("/a"), 1, name="x"), Rule(PathMatches("/b"), 1, name="x")]
        assert ReversibleRuleRouter(rules).reverse_url("x") == "/b"
        assert len(caplog.records) == 1


class TestRoutingDelegate:
    HEAD = RequestStartLine("GET", "/a?b", "HTTP/1.1")

    def test_a_message_goes_to_who_was_found(self) -> None:
        recorder = Recorder()
        requests = []

        class One(Router):
            def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate:
                requests.append(request)
                return recorder

        connection = Connection()
        delegate = One().start_request("server", connection)
        assert delegate.headers_received(self.HEAD, HTTPHeaders({"Host": "h"})) is None
        delegate.data_received(b"x")
        delegate.finish()
        delegate.on_connection_close()
        assert recorder.calls == [("/a?b", "h"), b"x", "finish", "close"]
        (it,) = requests
        assert (it.path, it.query, it.connection, it.server_connection) == ("/a", "b", connection, "server")

    def test_nobody_is_found(self) -> None:
        connection = Connection()
        delegate = RuleRouter().start_request("server", connection)
        delegate.headers_received(self.HEAD, HTTPHeaders({"Host": "h"}))
        delegate.data_received(b"x")
        assert connection.written == []
        delegate.finish()
        (start_line, _, _), end = connection.written
        assert (start_line.code, start_line.reason, end) == (404, "Not Found", "finish")

    def test_the_connection_closes_before_the_head_has_come(self) -> None:
        RuleRouter().start_request("server", Connection()).on_connection_close()

    def test_the_base_classes(self) -> None:
        with pytest.raises(NotImplementedError):
            Router().find_handler(request("/"))
        with pytest.raises(NotImplementedError):
            ReversibleRouter().reverse_url("x")
