"""WSGI, both ways (PEP 3333): WSGI applications on our server, and our applications on servers of WSGI.

`WSGIContainer` serves a WSGI application, such as one of Flask or Django, as an `HTTPServer` callback or behind a rule.
`WSGIAdapter` makes a WSGI application of an `Application`; `WSGIApplication` is an `Application` that is one.
"""

from pyframework.httputil import HTTPServerRequest as HTTPRequest
from pyframework.wsgi._adapter import WSGIAdapter, WSGIApplication
from pyframework.wsgi._container import FileWrapper, WSGIContainer
from pyframework.wsgi._environ import WSGIAppType, to_wsgi_str

__all__ = [
    "FileWrapper",
    "HTTPRequest",
    "WSGIAdapter",
    "WSGIAppType",
    "WSGIApplication",
    "WSGIContainer",
    "to_wsgi_str",
]
