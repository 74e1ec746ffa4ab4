"""The web framework: applications, request handlers and what they are made of."""

from importlib import import_module
from types import ModuleType

from pyframework import escape, gen, httputil, iostream
from pyframework.concurrent import Future, future_set_result_unless_cancelled
from pyframework.escape import _unicode, utf8
from pyframework.log import access_log, app_log, gen_log
from pyframework.routing import (
    AnyMatches,
    DefaultHostMatches,
    HostMatches,
    ReversibleRouter,
    ReversibleRuleRouter,
    Rule,
    URLSpec,
    _RuleList,
)
from pyframework.util import ObjectDict, unicode_type
from pyframework.web._application import Application, _ApplicationRouter
from pyframework.web._arguments import _ARG_DEFAULT, _ArgDefaultMarker
from pyframework.web._decorators import (
    _has_stream_request_body,
    addslash,
    authenticated,
    removeslash,
    stream_request_body,
)
from pyframework.web._delegate import _HandlerDelegate
from pyframework.web._error_handler import ErrorHandler
from pyframework.web._errors import Finish, HTTPError, MissingArgumentError
from pyframework.web._fallback import FallbackHandler
from pyframework.web._handler import RequestHandler
from pyframework.web._headers import HeaderValue as _HeaderTypes
from pyframework.web._redirect import RedirectHandler, _is_protocol_relative, _scheme_and_netloc
from pyframework.web._render import is_absolute
from pyframework.web._signed import (
    DEFAULT_SIGNED_VALUE_MIN_VERSION,
    DEFAULT_SIGNED_VALUE_VERSION,
    MAX_SUPPORTED_SIGNED_VALUE_VERSION,
    MIN_SUPPORTED_SIGNED_VALUE_VERSION,
    _create_signature_v1,
    _create_signature_v2,
    _decode_fields_v2,
    _decode_signed_value_v1,
    _decode_signed_value_v2,
    _get_version,
    create_signed_value,
    decode_signed_value,
    get_signature_key_version,
)
from pyframework.web._signed import SecretTypes as _CookieSecretTypes
from pyframework.web._static import StaticFileHandler
from pyframework.web._transforms import GZipContentEncoding, OutputTransform
from pyframework.web._ui import Linkify as _linkify
from pyframework.web._ui import TemplateModule, UIModule
from pyframework.web._ui import UIModuleNamespace as _UIModuleNamespace
from pyframework.web._ui import XsrfFormHtml as _xsrf_form_html

url = URLSpec


def __getattr__(name: str) -> ModuleType:
    # Loaded with the first template, but there for those who look: `web.template`, `web.locale`.
    if name not in ("locale", "template"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"pyframework.{name}")


__all__ = [
    "access_log",
    "addslash",
    "AnyMatches",
    "app_log",
    "Application",
    "authenticated",
    "create_signed_value",
    "decode_signed_value",
    "DEFAULT_SIGNED_VALUE_MIN_VERSION",
    "DEFAULT_SIGNED_VALUE_VERSION",
    "DefaultHostMatches",
    "ErrorHandler",
    "escape",
    "FallbackHandler",
    "Finish",
    "Future",
    "future_set_result_unless_cancelled",
    "gen",
    "gen_log",
    "get_signature_key_version",
    "GZipContentEncoding",
    "HostMatches",
    "HTTPError",
    "httputil",
    "iostream",
    "is_absolute",
    "MAX_SUPPORTED_SIGNED_VALUE_VERSION",
    "MIN_SUPPORTED_SIGNED_VALUE_VERSION",
    "MissingArgumentError",
    "ObjectDict",
    "OutputTransform",
    "RedirectHandler",
    "removeslash",
    "RequestHandler",
    "ReversibleRouter",
    "ReversibleRuleRouter",
    "Rule",
    "StaticFileHandler",
    "stream_request_body",
    "TemplateModule",
    "UIModule",
    "unicode_type",
    "url",
    "URLSpec",
    "utf8",
    "_ApplicationRouter",
    "_ARG_DEFAULT",
    "_ArgDefaultMarker",
    "_CookieSecretTypes",
    "_create_signature_v1",
    "_create_signature_v2",
    "_decode_fields_v2",
    "_decode_signed_value_v1",
    "_decode_signed_value_v2",
    "_get_version",
    "_HandlerDelegate",
    "_has_stream_request_body",
    "_HeaderTypes",
    "_is_protocol_relative",
    "_linkify",
    "_RuleList",
    "_scheme_and_netloc",
    "_UIModuleNamespace",
    "_unicode",
    "_xsrf_form_html",
]
