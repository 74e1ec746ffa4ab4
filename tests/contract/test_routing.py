"""What libraries do to an application's rules: jupyter-server and its extensions, bokeh, panel, tornado-swagger."""

import re
from typing import Any

import pytest

from pyframework.routing import HostMatches, PathMatches, Rule, RuleRouter, URLSpec, _RuleList
from pyframework.web import Application, ErrorHandler, RequestHandler, url


class Name(RequestHandler):
    def initialize(self, name: str = "") -> None:
        self.name = name

    def get(self, *args: str, **kwargs: str) -> None:
        self.write(",".join([self.name, *args, *kwargs.values()]))


def rule(pattern: str, name: str) -> tuple[Any, ...]:
    return pattern, Name, {"name": name}


def test_rules_are_walked_by_host_then_by_path():
    application = Application([url("/a/(.*)", Name, name="a"), ("/b", Name)])
    application.add_handlers("example\\.com", [("/c", Name)])
    found = []
    for host_rule in application.default_router.rules:
        assert isinstance(host_rule, Rule)
        for path_rule in host_rule.target.rules:
            assert isinstance(path_rule, Rule) and issubclass(path_rule.target, RequestHandler)
            found.append((type(host_rule.matcher).__name__, path_rule.matcher.regex.pattern, path_rule.name))
    assert found == [("HostMatches", "/c$", None), ("AnyMatches", "/a/(.*)$", "a"), ("AnyMatches", "/b$", None)]
    assert [found.matcher.regex.pattern for found in application.wildcard_router.rules] == ["/a/(.*)$", "/b$"]
    assert application.wildcard_router.named_rules["a"].reverse("x") == "/a/x"


def test_a_rule_tells_what_it_was_made_of():
    matcher = PathMatches("/(a)/(b)")
    made = Rule(matcher, Name, {"name": "n"}, "named")
    assert (made.matcher, made.target, made.target_kwargs, made.name) == (matcher, Name, {"name": "n"}, "named")
    spec = URLSpec("/(a)", Name, {"name": "n"}, "spec")
    assert (spec.handler_class, spec.kwargs, spec.name) == (Name, {"name": "n"}, "spec")
    assert spec.target is Name and spec.target_kwargs == {"name": "n"}


def test_a_pattern_tells_its_regular_expression_path_and_groups():
    matcher = PathMatches("/(a)/(b)")
    assert isinstance(matcher.regex, re.Pattern) and matcher.regex.pattern == "/(a)/(b)$"
    assert (matcher._path, matcher._group_count) == ("/%s/%s", 2)
    assert matcher._find_groups() == ("/%s/%s", 2)


def test_the_type_of_rules_is_there():
    assert _RuleList is not None


CHANGES = {
    "add_rules": lambda rules, router: router.add_rules([Rule(PathMatches("/new"), Name, {"name": "new"})]),
    "append": lambda rules, router: rules.append(Rule(PathMatches("/new"), Name, {"name": "new"})),
    "insert": lambda rules, router: rules.insert(0, router.process_rule(URLSpec(*rule("/new", "new")))),
    "extend": lambda rules, router: rules.extend([Rule(PathMatches("/new"), Name, {"name": "new"})]),
    "slice": lambda rules, router: rules.__setitem__(slice(0, 0), [URLSpec(*rule("/new", "new"))]),
    "sum": lambda rules, router: rules.__iadd__([URLSpec(*rule("/new", "new"))]),
    "another list": lambda rules, router: setattr(router, "rules", [*rules, URLSpec(*rule("/new", "new"))]),
}


@pytest.mark.parametrize("how", CHANGES)
async def test_rules_are_added_after_the_first_request(open_site, how):
    application = Application([rule("/", "first")])
    ask = await open_site(application)
    assert (await ask("/new")).code == 404
    router = application.wildcard_router
    CHANGES[how](router.rules, router)
    assert (await ask("/new")).body == b"new"
    assert (await ask()).body == b"first"


async def test_rules_are_changed_after_the_first_request(open_site):
    application = Application([rule("/", "first"), rule("/(x)", "second")])
    ask = await open_site(application)
    assert (await ask("/x")).body == b"second,x"
    changed = application.wildcard_router.rules[1]
    changed.target_kwargs = {"name": "third"}
    assert (await ask("/x")).body == b"third,x"
    changed.target_kwargs["name"] = "fourth"
    assert (await ask("/x")).body == b"fourth,x"
    changed.target = ErrorHandler
    changed.target_kwargs = {"status_code": 410}
    assert (await ask("/x")).code == 410
    changed.matcher = PathMatches("/y")
    assert [(await ask(path)).code for path in ("/x", "/y")] == [404, 410]
    del application.wildcard_router.rules[1]
    assert (await ask("/y")).code == 404


async def test_a_pattern_is_changed_after_the_first_request(open_site):
    # jupyter-server puts its base URL before each pattern.
    application = Application([rule("/", "first"), rule("/x", "second")])
    ask = await open_site(application)
    matcher = application.wildcard_router.rules[1].matcher
    matcher.regex = re.compile("/base/x$")
    assert [(await ask(path)).code for path in ("/x", "/base/x")] == [404, 200]


async def test_rules_of_a_host_are_added_after_the_first_request(open_site):
    application = Application([rule("/", "any")])
    ask = await open_site(application)
    application.add_handlers("127\\.0\\.0\\.1", [rule("/", "host")])
    assert (await ask()).body == b"host"
    assert (await ask(headers={"Host": "example.com"})).body == b"any"
    assert isinstance(application.default_router.rules[0].matcher, HostMatches)


async def test_routers_within_routers(open_site, hello):
    inner = Application([rule("/inner/(.*)", "inner")])
    router = RuleRouter([Rule(PathMatches("/inner.*"), inner), Rule(PathMatches("/.*"), Application([("/", hello)]))])
    ask = await open_site(router)
    assert (await ask()).body == b"hello world"
    assert (await ask("/inner/x")).body == b"inner,x"
    router.rules.reverse()
    assert (await ask("/inner/x")).code == 404
