"""Routes: which rules can match a path, and what a rule that is a pattern finds in it.

Owns: the look-up by the literal beginnings of patterns.
Must not know: requests, hosts, or what becomes of a match.
Trick: there are few lengths among these beginnings, so the longest that a path has is found in as many look-ups.
"""
from pyframework._core.urls import url_unescape
from pyframework._core.response import Response

# How often the rules of any router were changed: what was found before is old then.
cdef unsigned long changes = 1


def rules_changed() -> None:
    """Have every router look for its routes anew."""
    global changes
    changes += 1


cdef unsigned long rules_as_of():
    return changes


cdef class Candidate:
    """A rule that can match.

    certain: it does match, without arguments.
    pattern: the compiled pattern that decides; None where something else does.
    """

    def __init__(self, rule, bint certain, pattern):
        target = rule.target
        self.rule = rule
        self.certain = certain
        if pattern is not None:
            self.match = pattern.match
            self.named = len(pattern.groupindex) > 0
            self.plain = isinstance(target, type) and issubclass(target, Response)


cdef class PathIndex:
    """The rules that are left for a path.

    at_path: for each path that a rule names whole, all candidates in order.
    at_prefix: for each literal beginning of patterns, all candidates for paths that begin so; there is one for "".
    """

    def __init__(self, dict at_path, dict at_prefix):
        lengths = sorted({len(prefix) for prefix in at_prefix}, reverse=True)
        self.as_of = changes
        self.at_path = at_path
        self.tables = [
            (length, {prefix: found for prefix, found in at_prefix.items() if len(prefix) == length})
            for length in lengths
        ]

    cdef list find(self, str path):
        found = self.at_path.get(path)
        if found is None:
            for length, table in self.tables:
                if length <= len(path):
                    found = table.get(path[:length])
                    if found is not None:
                        break
        return found

    @property
    def is_current(self):
        """Whether no rule of any router was changed since."""
        return self.as_of == changes

    def candidates(self, path):
        """Return all rules that may match a path, in order."""
        return self.find(path)


cdef class Route:
    """A handler class with its arguments, and those that the path has for its method."""

    cdef int take(self, match, bint named) except -1:
        if named:
            self.path_kwargs = {name: argument(text) for name, text in match.groupdict().items()}
        else:
            self.path_args = [argument(text) for text in match.groups()]
        return 0


cdef object argument(text):
    """A group of a match as bytes, percent-decoded."""
    if text is None:
        return None
    return url_unescape(text, None, False)


cdef Route route_in(PathIndex index, str path):
    """Where `path` leads, if the patterns tell; else None."""
    cdef Candidate candidate
    cdef Route route
    for candidate in index.find(path):
        if not candidate.plain:
            return None
        match = None if candidate.certain else candidate.match(path)
        if candidate.certain or match is not None:
            route = Route.__new__(Route)
            route.handler_class = candidate.rule.target
            route.arguments = candidate.rule.target_kwargs
            if match is not None:
                route.take(match, candidate.named)
            return route
    return None
