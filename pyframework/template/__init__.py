"""Templates: text with expressions and statements of Python, compiled to a Python function.

A template is text. What stands between `{{` and `}}` is an expression whose value is put there, escaped for HTML unless
the template or its loader says otherwise. What stands between `{%` and `%}` is a directive:

- `{% if %}`, `{% elif %}`, `{% else %}`, `{% for %}`, `{% while %}`, `{% break %}`, `{% continue %}`, `{% try %}`,
  `{% except %}`, `{% finally %}`: as in Python; blocks are ended by `{% end %}`
- `{% set name = value %}`, `{% import module %}`, `{% from module import name %}`
- `{% extends "base.html" %}` and `{% block name %}`: a page takes its frame from another and fills the blocks in
- `{% include "part.html" %}`: another template, which sees the same names
- `{% module Name(arguments) %}`: a UI module; `{% raw expression %}`: a value that is not escaped
- `{% apply function %}`: the block as the function returns it
- `{% autoescape function %}` (or None) and `{% whitespace all|single|oneline %}`, for this file
- `{% comment text %}`, as `{# text #}`, goes

`{{!`, `{%!` and `{#!` stand for the two characters themselves.

    loader = Loader("templates")
    page = loader.load("page.html").generate(title="Notes", rows=rows)
"""

from pyframework.template._errors import ParseError
from pyframework.template._loader import BaseLoader, DictLoader, Loader
from pyframework.template._template import Template
from pyframework.template._whitespace import filter_whitespace

__all__ = ["BaseLoader", "DictLoader", "Loader", "ParseError", "Template", "filter_whitespace"]
