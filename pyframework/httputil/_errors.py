"""The exceptions for bad messages; knows nothing of what is bad about them."""


class HTTPInputError(Exception):
    """What a peer sent is not valid HTTP."""


class HTTPOutputError(Exception):
    """What the application sends would not be valid HTTP."""
