"""HTTP messages apart from any connection: header fields, requests, forms, cookies, dates, ranges."""

from http.client import responses

from pyframework.httputil._abnf import _ABNF
from pyframework.httputil._auth import encode_username_password
from pyframework.httputil._body import (
    _DEFAULT_PARSE_BODY_CONFIG,
    HTTPFile,
    ParseBodyConfig,
    ParseMultipartConfig,
    ParseUrlEncodedConfig,
    parse_body_arguments,
    parse_multipart_form_data,
    set_parse_body_config,
)
from pyframework.httputil._codings import _accepted_codings, _Decoder, _decoders
from pyframework.httputil._cookies import _unquote_cookie, parse_cookie
from pyframework.httputil._dates import format_timestamp
from pyframework.httputil._delegates import HTTPConnection, HTTPMessageDelegate, HTTPServerConnectionDelegate
from pyframework.httputil._doctests import doctests
from pyframework.httputil._errors import HTTPInputError, HTTPOutputError, _ContentTooLarge
from pyframework.httputil._headers import HTTPHeaders, _normalize_header
from pyframework.httputil._parameters import _encode_header, _parse_header
from pyframework.httputil._ranges import _get_content_range, _int_or_none, _parse_request_range
from pyframework.httputil._request import HTTPServerRequest
from pyframework.httputil._startline import (
    RequestStartLine,
    ResponseStartLine,
    parse_request_start_line,
    parse_response_start_line,
)
from pyframework.httputil._url import qs_to_qsl, split_host_and_port, url_concat

HTTP_WHITESPACE = " \t"

__all__ = [
    "HTTP_WHITESPACE",
    "_ABNF",
    "_accepted_codings",
    "_ContentTooLarge",
    "_Decoder",
    "_decoders",
    "_DEFAULT_PARSE_BODY_CONFIG",
    "_encode_header",
    "_get_content_range",
    "_int_or_none",
    "_normalize_header",
    "_parse_header",
    "_parse_request_range",
    "_unquote_cookie",
    "HTTPConnection",
    "HTTPFile",
    "HTTPHeaders",
    "HTTPInputError",
    "HTTPMessageDelegate",
    "HTTPOutputError",
    "HTTPServerConnectionDelegate",
    "HTTPServerRequest",
    "ParseBodyConfig",
    "ParseMultipartConfig",
    "ParseUrlEncodedConfig",
    "RequestStartLine",
    "ResponseStartLine",
    "doctests",
    "encode_username_password",
    "format_timestamp",
    "parse_body_arguments",
    "parse_cookie",
    "parse_multipart_form_data",
    "parse_request_start_line",
    "parse_response_start_line",
    "qs_to_qsl",
    "responses",
    "set_parse_body_config",
    "split_host_and_port",
    "url_concat",
]
