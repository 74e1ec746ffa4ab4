"""What is wrong with an answer of the other site."""


class AuthError(Exception):
    """The other site, or the visitor who comes from there, did not say what was expected."""
