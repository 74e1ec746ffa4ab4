"""The exceptions for bad messages; knows nothing of what is bad about them."""


class HTTPInputError(Exception):
    """What a peer sent is not valid HTTP."""

    _status = 400


class _ContentTooLarge(HTTPInputError):
    """A body is longer than it may be."""

    _status = 413


class HTTPOutputError(Exception):
    """What the application sends would not be valid HTTP."""
