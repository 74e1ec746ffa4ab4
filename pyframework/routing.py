"""From a request's head to whoever answers it: rules in order, each a matcher and a target.

A `RuleRouter` keeps an index of the literal beginnings of its paths, so that a request is tried on the few rules that
can match it; which of them does is decided by their matchers, in order.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from typing import Any, TypeAlias, Union

from pyframework import httputil
from pyframework._core.delegates import Routing, RoutingDelegate
from pyframework._core.routes import Candidate, PathIndex, rules_changed
from pyframework.escape import url_escape, url_unescape, utf8
from pyframework.httpserver import _CallableAdapter
from pyframework.log import app_log
from pyframework.util import import_object, re_unescape

_RuleList: TypeAlias = Sequence[
    Union[
        "Rule",
        list[Any],
        tuple[Union[str, "Matcher"], Any],
        tuple[Union[str, "Matcher"], Any, dict[str, Any]],
        tuple[Union[str, "Matcher"], Any, dict[str, Any], str],
    ]
]


class Router(Routing, httputil.HTTPServerConnectionDelegate):
    """Finds a delegate for each request; a subclass says which."""

    def find_handler(self, request: httputil.HTTPServerRequest, **kwargs: Any) -> httputil.HTTPMessageDelegate | None:
        """Return who receives the message, or None if this router has nobody.

        :arg request: the request, without body
        :arg kwargs: what the rule that leads to this router found out (`path_args` and the like)
        """
        raise NotImplementedError()


class ReversibleRouter(Router):
    """A router whose routes may have names from which URLs can be built."""

    def reverse_url(self, name: str, *args: Any) -> str | None:
        """Return the URL of the route `name` with `args` in the place of its groups, or None for an unknown name."""
        raise NotImplementedError()


class _RoutingDelegate(RoutingDelegate, httputil.HTTPMessageDelegate):
    """Stands for a message until its head has come, and hands the rest on."""

    __slots__ = ()

    def _nobody(self, request: httputil.HTTPServerRequest) -> httputil.HTTPMessageDelegate:
        app_log.debug("No delegate for %s %s", request.method, request.path)
        return _DefaultMessageDelegate(self.request_conn)


class _DefaultMessageDelegate(httputil.HTTPMessageDelegate):
    """Answers 404."""

    def __init__(self, connection: httputil.HTTPConnection) -> None:
        self.connection = connection

    def finish(self) -> None:
        start_line = httputil.ResponseStartLine("HTTP/1.1", 404, "Not Found")
        self.connection.write_headers(start_line, httputil.HTTPHeaders())
        self.connection.finish()


class RuleRouter(Router):
    """A router that tries rules in order; the first whose matcher and target both take the request wins.

    :arg rules: `Rule` objects, or tuples of their arguments with a path pattern or matcher in the first place

    The list `rules` may be changed, or replaced, at any time.
    """

    def __init__(self, rules: _RuleList | None = None) -> None:
        self.rules = []
        if rules:
            self.add_rules(rules)

    @property
    def rules(self) -> "list[Rule]":
        return self._rules

    @rules.setter
    def rules(self, rules: "Iterable[Rule]") -> None:
        self._rules: _IndexedRules = _IndexedRules(rules)

    def add_rules(self, rules: _RuleList) -> None:
        """Append rules; each passes `process_rule` first."""
        for rule in rules:
            if isinstance(rule, (tuple, list)):
                if not 2 <= len(rule) <= 4:
                    raise AssertionError(f"a rule is (pattern, target[, kwargs[, name]]), not {rule!r}")
                matcher = PathMatches(rule[0]) if isinstance(rule[0], str) else rule[0]
                rule = Rule(matcher, *rule[1:])
            self.rules.append(self.process_rule(rule))

    def process_rule(self, rule: "Rule") -> "Rule":
        """Look at, change or replace a rule before it is added."""
        return rule

    def find_handler(self, request: httputil.HTTPServerRequest, **kwargs: Any) -> httputil.HTTPMessageDelegate | None:
        for candidate in self._rules.path_index().candidates(request.path):
            rule = candidate.rule
            target_params = {} if candidate.certain else rule.matcher.match(request)
            if target_params is None:
                continue
            if rule.target_kwargs:
                target_params["target_kwargs"] = rule.target_kwargs
            delegate = self.get_target_delegate(rule.target, request, **target_params)
            if delegate is not None:
                return delegate
        return None

    def get_target_delegate(
        self, target: Any, request: httputil.HTTPServerRequest, **target_params: Any
    ) -> httputil.HTTPMessageDelegate | None:
        """Return the delegate that a rule's target has for a request, or None; override it for new kinds of targets.

        :arg target: a router, a connection delegate or a callable that takes the request
        :arg target_params: what the rule's matcher returned, and `target_kwargs` if the rule has some
        """
        if isinstance(target, Router):
            return target.find_handler(request, **target_params)
        connection: Any = request.connection
        if isinstance(target, httputil.HTTPServerConnectionDelegate):
            return target.start_request(request.server_connection, connection)
        if callable(target):
            return _CallableAdapter(partial(target, **target_params), connection)
        return None


class ReversibleRuleRouter(ReversibleRouter, RuleRouter):
    """A rule router that builds URLs from the names of its rules and of the reversible routers below it."""

    def __init__(self, rules: _RuleList | None = None) -> None:
        self.named_rules: dict[str, Rule] = {}
        super().__init__(rules)

    def process_rule(self, rule: "Rule") -> "Rule":
        rule = super().process_rule(rule)
        if rule.name:
            if rule.name in self.named_rules:
                app_log.warning("A second rule has the name %s; the name now means the new one", rule.name)
            self.named_rules[rule.name] = rule
        return rule

    def reverse_url(self, name: str, *args: Any) -> str | None:
        rule = self.named_rules.get(name)
        if rule is not None:
            return rule.reverse(*args)
        routers = [rule.target for rule in self.rules if isinstance(rule.target, ReversibleRouter)]
        urls = (router.reverse_url(name, *args) for router in routers)
        return next((url for url in urls if url is not None), None)


class Rule:
    """One rule of a router.

    :arg matcher: decides whether the rule applies
    :arg target: who takes the request then; a str is imported
    :arg target_kwargs: handed to the target
    :arg name: for `reverse_url`
    """

    def __init__(
        self, matcher: "Matcher", target: Any, target_kwargs: dict[str, Any] | None = None, name: str | None = None
    ) -> None:
        self.matcher = matcher
        self.target = import_object(target) if isinstance(target, str) else target
        self.target_kwargs = target_kwargs or {}
        self.name = name

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        rules_changed()

    def reverse(self, *args: Any) -> str | None:
        return self.matcher.reverse(*args)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self.matcher!r}, {self.target}, kwargs={self.target_kwargs!r}, name={self.name!r})"


class Matcher:
    """Decides whether a rule applies to a request."""

    def match(self, request: httputil.HTTPServerRequest) -> dict[str, Any] | None:
        """Return the arguments for the target (`path_args`, `path_kwargs` …), maybe none; or None if it does not."""
        raise NotImplementedError()

    def reverse(self, *args: Any) -> str | None:
        """Return the URL that would match with `args`, or None if there is no telling."""
        return None


class AnyMatches(Matcher):
    """Matches every request."""

    def match(self, request: httputil.HTTPServerRequest) -> dict[str, Any] | None:
        return {}


class HostMatches(Matcher):
    """Matches a host name.

    :arg host_pattern: a compiled pattern, or a str that must match to the end
    """

    def __init__(self, host_pattern: str | re.Pattern[str]) -> None:
        self.host_pattern = _compiled(host_pattern)

    def match(self, request: httputil.HTTPServerRequest) -> dict[str, Any] | None:
        return {} if self.host_pattern.match(request.host_name) else None


class DefaultHostMatches(Matcher):
    """Matches if the application's `default_host` does; never matches what comes through a proxy (X-Real-Ip)."""

    def __init__(self, application: Any, host_pattern: re.Pattern[str]) -> None:
        self.application = application
        self.host_pattern = host_pattern

    def match(self, request: httputil.HTTPServerRequest) -> dict[str, Any] | None:
        if "X-Real-Ip" in request.headers or not self.host_pattern.match(self.application.default_host):
            return None
        return {}


class PathMatches(Matcher):
    """Matches a path; its groups, all named or all not, become the arguments of the target, percent-decoded.

    :arg path_pattern: a compiled pattern, or a str that must match to the end
    """

    def __init__(self, path_pattern: str | re.Pattern[str]) -> None:
        self.regex = _compiled(path_pattern)
        if len(self.regex.groupindex) not in (0, self.regex.groups):
            raise AssertionError(f"groups in url regexes must be all named or all positional: {self.regex.pattern!r}")
        self._path, self._group_count = self._find_groups()

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        rules_changed()

    def match(self, request: httputil.HTTPServerRequest) -> dict[str, Any] | None:
        match = self.regex.match(request.path)
        if match is None:
            return None
        if not self.regex.groups:
            return {}
        if self.regex.groupindex:
            named = {name: _unquote_or_none(text) for name, text in match.groupdict().items()}
            return {"path_args": [], "path_kwargs": named}
        return {"path_args": [_unquote_or_none(text) for text in match.groups()], "path_kwargs": {}}

    def reverse(self, *args: Any) -> str | None:
        if self._path is None:
            raise ValueError(f"Cannot reverse url regex {self.regex.pattern}")
        if len(args) != self._group_count:
            raise AssertionError(f"{self.regex.pattern} takes {self._group_count} arguments, not {len(args)}")
        escaped = [url_escape(utf8(arg if isinstance(arg, (str, bytes)) else str(arg)), plus=False) for arg in args]
        return self._path % tuple(escaped)

    def _find_groups(self) -> tuple[str | None, int | None]:
        """Return the path as a format with `%s` for each group, and their number; or None, None if that cannot be told.

        Special characters outside of groups are taken for themselves, but for classes such as `\\d`.
        """
        pattern = self.regex.pattern.removeprefix("^").removesuffix("$")
        first, *groups = pattern.split("(")
        literals = [first]
        for group in groups:
            _, closed, literal = group.partition(")")
            if not closed:
                return None, None
            literals.append(literal)
        if len(groups) != self.regex.groups:
            return None, None
        try:
            return "%s".join([re_unescape(literal).replace("%", "%%") for literal in literals]), len(groups)
        except ValueError:
            return None, None


class URLSpec(Rule):
    """A rule from a path to a request handler.

    :arg pattern: as of `PathMatches`
    :arg handler: a `RequestHandler` class, or its name to be imported
    :arg kwargs: for the handler's `initialize`
    :arg name: for `reverse_url`
    """

    def __init__(
        self,
        pattern: str | re.Pattern[str],
        handler: Any,
        kwargs: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        matcher = PathMatches(pattern)
        super().__init__(matcher, handler, kwargs, name)
        self.regex = matcher.regex
        self.handler_class = self.target
        self.kwargs = kwargs

    def __repr__(self) -> str:
        pattern, name = self.regex.pattern, type(self).__name__
        return f"{name}({pattern!r}, {self.handler_class}, kwargs={self.kwargs!r}, name={self.name!r})"


def _compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    if isinstance(pattern, str):
        return re.compile(pattern if pattern.endswith("$") else pattern + "$")
    return pattern


def _unquote_or_none(s: str | None) -> bytes | None:
    return None if s is None else url_unescape(s, encoding=None, plus=False)


def _changing(method: Callable[..., Any]) -> Any:
    @wraps(method)
    def changed(self: "_IndexedRules", *args: Any, **kwargs: Any) -> Any:
        rules_changed()
        return method(self, *args, **kwargs)

    return changed


class _IndexedRules(list[Rule]):
    """A list of rules that knows which of them can match a path."""

    paths: PathIndex | None = None

    __init__ = _changing(list.__init__)
    __delitem__ = _changing(list.__delitem__)
    __iadd__ = _changing(list.__iadd__)
    __imul__ = _changing(list.__imul__)
    __setitem__ = _changing(list.__setitem__)
    append = _changing(list.append)
    clear = _changing(list.clear)
    extend = _changing(list.extend)
    insert = _changing(list.insert)
    pop = _changing(list.pop)
    remove = _changing(list.remove)
    reverse = _changing(list.reverse)
    sort = _changing(list.sort)

    def path_index(self) -> PathIndex:
        """Return the index, made anew if rules were changed."""
        if self.paths is None or not self.paths.is_current:
            self.paths = _index_of(self)
        return self.paths


def _index_of(rules: Iterable[Rule]) -> PathIndex:
    """Sort rules by what the paths that they match begin with."""
    numbered = list(enumerate(rules))
    by_prefix: dict[str, list[int]] = {"": []}
    by_path: dict[str, list[int]] = {}
    for number, rule in numbered:
        beginning, whole = _literal_beginning(rule.matcher)
        (by_path if whole else by_prefix).setdefault(beginning, []).append(number)
    lengths = sorted({len(prefix) for prefix in by_prefix})

    def at(beginning: str) -> list[int]:
        shorter = [beginning[:length] for length in lengths if length <= len(beginning)]
        return [number for prefix in shorter for number in by_prefix.get(prefix, ())]

    def candidates(numbers: list[int], path: str | None = None) -> list[Candidate]:
        return [_candidate(numbered[number][1], path) for number in sorted(numbers)]

    return PathIndex(
        {path: candidates(found + at(path), path) for path, found in by_path.items()},
        {prefix: candidates(at(prefix)) for prefix in by_prefix},
    )


def _candidate(rule: Rule, path: str | None) -> Candidate:
    """Return a rule as candidate for `path`, or for any with its beginning."""
    matcher = rule.matcher
    if type(matcher) is not PathMatches:
        return Candidate(rule, type(matcher) is AnyMatches, None)
    return Candidate(rule, path is not None and _literal_beginning(matcher) == (path, True), matcher.regex)


_SPECIAL = frozenset(".^$*+?{}[]()|")
# Escapes, classes and what is left of them: the brackets of groups, and alternatives.
_STRUCTURE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]", re.DOTALL)


def _literal_beginning(matcher: Matcher) -> tuple[str, bool]:
    """Return what every path that matches begins with, and whether that is the whole path."""
    # Another class, or a pattern that reads differently, may match anything.
    if type(matcher) is not PathMatches or matcher.regex.flags & (re.IGNORECASE | re.VERBOSE):
        return "", False
    pattern = matcher.regex.pattern.removeprefix("^")
    literal: list[str] = []
    at = 0
    while at < len(pattern) and pattern[at] not in _SPECIAL:
        if pattern[at] == "\\":
            at += 1
            if pattern[at].isalnum():
                at -= 1
                break
        literal.append(pattern[at])
        at += 1
    rest = pattern[at:]
    if _has_alternatives(rest):
        return "", False
    if rest[:1] in ("*", "?", "{", "+"):
        del literal[-1:]
    return "".join(literal), rest == "$"


def _has_alternatives(pattern: str) -> bool:
    """Whether there is a `|` outside of all groups (or a comment, whose brackets nobody counts)."""
    depth = 0
    for match in _STRUCTURE.finditer(pattern):
        depth += (match[0] == "(") - (match[0] == ")")
        if match[0] == "|" and depth == 0:
            return True
    return "(?#" in pattern
