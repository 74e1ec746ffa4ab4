"""Every public name of Tornado exists here with the same signature, by the listing in Tornado's own suite."""

import ast
import importlib
import inspect
import types
from typing import Any

import pytest

import pyframework
from tests.upstream.install import OPTIONAL, TORNADO, upstream_folder

# What differs on purpose: name -> reason. docs/compat.md tells it to users.
LIMITS = "more arguments, all by keyword: limits, proxies, answers by the RFCs"
COMPILED = "a compiled __init__ has no signature to inspect"
DIFFERENT: dict[str, str] = {
    "tornado.http1connection.HTTP1Connection.__init__": COMPILED,
    "tornado.http1connection.HTTP1ServerConnection.__init__": COMPILED,
    "tornado.http1connection.HTTP1ConnectionParameters.__init__": LIMITS,
    "tornado.httputil.HTTPServerRequest.__init__": COMPILED,
}

# Modules that are not written yet, or not whole. A row that is no longer true fails its test.
UNFINISHED = {
    "http1connection": "names that only Tornado's own parser uses",
}


class Ellipsis:
    """Stands for a default that the listing does not spell out."""

    def __repr__(self) -> str:
        return "..."


def listing() -> dict[str, list[str]]:
    """Return module -> lines "name: description", as Tornado's listing has them."""
    text = (upstream_folder() / "tornado" / "test" / "api.txt").read_text()
    sections = [section.splitlines() for section in text.split("\n\n")]
    return {lines[0].strip("[]"): lines[1:] for lines in sections if lines and lines[0]}


LISTING = listing()


def ours(name: str) -> str:
    return f"pyframework{name.removeprefix('tornado')}"


def resolve(name: str) -> Any:
    """Return what a dotted name stands for; class members are not bound. Raises AttributeError."""
    module, rest = importlib.import_module(name.split(".")[0]), name.split(".")[1:]
    value: Any = module
    while rest:
        if inspect.ismodule(value) and not hasattr(value, rest[0]):
            value = importlib.import_module(f"{value.__name__}.{rest[0]}")
        else:
            value = inspect.getattr_static(value, rest[0]) if inspect.isclass(value) else getattr(value, rest[0])
        rest = rest[1:]
    return value


def plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return the parameter as the listing shows it: no annotation, and only short and simple defaults."""
    default = parameter.default
    simple = default is None or isinstance(default, (bool, int, float))
    simple = simple or (isinstance(default, (str, bytes)) and len(default) <= 40)
    if default is not parameter.empty and not simple:
        parameter = parameter.replace(default=Ellipsis())
    return parameter.replace(annotation=parameter.empty)


def signature(value: Any, theirs: str) -> str:
    """Return our signature as text, without keyword-only arguments that Tornado's, `theirs`, does not have."""
    function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
    parameters = [
        plain(parameter)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not parameter.KEYWORD_ONLY or f"{name}=" in theirs or f", {name}" in theirs
    ]
    text = str(inspect.Signature(parameters))
    return text.replace("(self, /", "(self") if isinstance(value, types.WrapperDescriptorType) else text


def difference(name: str, description: str) -> str | None:
    """Return how our name differs from its description, or None."""
    kind, bracket, rest = description.partition("(")
    if kind == "attribute":
        return None  # perhaps of instances only
    try:
        value = resolve(ours(name))
    except (AttributeError, ModuleNotFoundError):
        return "is missing"
    if kind == "class":
        bases = [resolve(ours(base)) for base in rest[:-1].split(", ") if base.startswith("tornado.")]
        return None if all(issubclass(value, base) for base in bases) else f"is not a {rest[:-1]}"
    if isinstance(value, types.WrapperDescriptorType) and not name.endswith(".__init__"):
        return None  # an operator of a compiled class: its arguments have positions only
    if bracket and signature(value, rest) != f"({rest}":
        return f"has the signature {signature(value, rest)}, not ({rest}"
    return None


def rows() -> list[Any]:
    marks = {
        name: [pytest.mark.xfail(reason=reason, strict=True)] for name, reason in UNFINISHED.items()
    }
    return [pytest.param(name, marks=marks.get(name.removeprefix("tornado."), [])) for name in LISTING]


@pytest.mark.parametrize("module", rows())
def test_names_and_signatures(module: str) -> None:
    try:
        importlib.import_module(ours(module))
    except ModuleNotFoundError as error:
        if error.name in {requirement.partition("<")[0] for requirement in OPTIONAL}:
            pytest.skip(f"{error.name} is not installed")
        raise
    lines = [line.partition(": ") for line in LISTING[module]]
    found = {name: difference(name, description) for name, _, description in lines}
    wrong = [f"{name} {what}" for name, what in found.items() if what and name not in DIFFERENT]
    assert not wrong, "\n".join([f"{module} differs from {TORNADO}:", *wrong])
    assert not [name for name in DIFFERENT if name in found and not found[name]], "DIFFERENT names what does not differ"


def test_submodules_that_load_by_themselves() -> None:
    tree = ast.parse((upstream_folder() / "tornado" / "__init__.py").read_text())
    assigned = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    assert sorted(ast.literal_eval(assigned["__all__"])) == sorted(pyframework.__all__)
