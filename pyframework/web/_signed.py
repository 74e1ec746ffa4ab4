"""Signed values: text with a name and a time, sealed with HMAC. Versions 1 (SHA-1) and 2 (SHA-256).

Version 2 looks like `2|1:0|10:1300000000|3:key|8:dmFsdWU=|<signature>`: the version, then fields with
their lengths (key version, time, name, value in base64), then the signature of all before it, in hex.
Version 1 is `<value>|<time>|<signature>` and leaves the borders between its parts unsigned.
"""

import base64
import binascii
import hmac
import time
from collections.abc import Callable

from pyframework import web
from pyframework.escape import utf8

SecretTypes = str | bytes | dict[int, str] | dict[int, bytes]
Clock = Callable[[], float]

DEFAULT_SIGNED_VALUE_VERSION = 2
DEFAULT_SIGNED_VALUE_MIN_VERSION = 1
MIN_SUPPORTED_SIGNED_VALUE_VERSION = 1
MAX_SUPPORTED_SIGNED_VALUE_VERSION = 2

_DAY = 86400
_MOST_DAYS_AHEAD = 31
_MOST_VERSION_DIGITS = 3


def create_signed_value(
    secret: SecretTypes,
    name: str,
    value: str | bytes,
    version: int | None = None,
    clock: Clock | None = None,
    key_version: int | None = None,
) -> bytes:
    """Return a value signed with the secret, so that nobody without it can change it.

    :arg secret: the key, or for version 2 a dict from key versions to keys
    :arg name: what the value is for; it must be given again to decode it
    :arg value: any text or bytes; it is not encrypted
    :arg version: 1 or 2 (the default)
    :arg clock: a function that returns the time in seconds; `time.time` by default
    :arg key_version: which key of the dict signs
    :raises ValueError: an unknown version
    """
    timestamp = utf8(str(int((clock or time.time)())))
    payload = base64.b64encode(utf8(value))
    if version is None:
        version = DEFAULT_SIGNED_VALUE_VERSION
    if version == 1:
        assert not isinstance(secret, dict), "version 1 has no key versions: give one secret"
        return b"|".join([payload, timestamp, _create_signature_v1(secret, name, payload, timestamp)])
    if version != 2:
        raise ValueError(f"Unsupported version {version}")
    if isinstance(secret, dict):
        assert key_version is not None, "Key version must be set when sign key dict is used"
        secret = secret[key_version]
    fields = [utf8(str(key_version or 0)), timestamp, utf8(name), payload]
    sealed = b"2|" + b"".join(b"%d:%b|" % (len(field), field) for field in fields)
    return sealed + _create_signature_v2(secret, sealed)


def decode_signed_value(
    secret: SecretTypes,
    name: str,
    value: None | str | bytes,
    max_age_days: float = 31,
    clock: Clock | None = None,
    min_version: int | None = None,
) -> bytes | None:
    """Return what `create_signed_value` was given, or None if anything about the value is wrong.

    :arg secret: the key, or a dict from key versions to keys
    :arg name: the name it was signed with
    :arg value: the signed value
    :arg max_age_days: how old it may be
    :arg clock: a function that returns the time in seconds; `time.time` by default
    :arg min_version: the oldest version to accept
    :raises ValueError: `min_version` is newer than any version known
    """
    if min_version is None:
        min_version = DEFAULT_SIGNED_VALUE_MIN_VERSION
    if min_version > MAX_SUPPORTED_SIGNED_VALUE_VERSION:
        raise ValueError(f"Unsupported min_version {min_version}")
    if not value:
        return None
    signed = utf8(value)
    version = _get_version(signed)
    if version < min_version:
        return None
    if version == 1:
        assert not isinstance(secret, dict), "version 1 has no key versions: give one secret"
        return _decode_signed_value_v1(secret, name, signed, max_age_days, clock or time.time)
    if version == 2:
        return _decode_signed_value_v2(secret, name, signed, max_age_days, clock or time.time)
    return None


def get_signature_key_version(value: str | bytes) -> int | None:
    """Return which key signed a value, unverified; None if it is not a value of version 2."""
    signed = utf8(value)
    if _get_version(signed) < 2:
        return None
    try:
        return _decode_fields_v2(signed)[0]
    except ValueError:
        return None


def _get_version(value: bytes) -> int:
    # A value of version 1 starts with base64, which may look like a number: real versions are short.
    digits, bar, _ = value.partition(b"|")
    if bar and digits.isdigit() and len(digits) <= _MOST_VERSION_DIGITS and not digits.startswith(b"0"):
        return int(digits)
    return 1


def _decode_signed_value_v1(
    secret: str | bytes, name: str, value: bytes, max_age_days: float, clock: Clock
) -> bytes | None:
    parts = value.split(b"|")
    if len(parts) != 3:
        return None
    payload, timestamp, signature = parts
    if not hmac.compare_digest(signature, _create_signature_v1(secret, name, payload, timestamp)):
        web.gen_log.warning("Invalid cookie signature %r", value)
        return None
    if not timestamp.isdigit():
        return None
    # The signature is the same wherever payload ends and time begins: a digit moved over shows as a
    # time far from now, or as a leading zero.
    age = clock() - int(timestamp)
    if age > max_age_days * _DAY:
        web.gen_log.warning("Expired cookie %r", value)
        return None
    if age < -_MOST_DAYS_AHEAD * _DAY:
        web.gen_log.warning("Cookie timestamp in future; possible tampering %r", value)
        return None
    if timestamp.startswith(b"0"):
        web.gen_log.warning("Tampered cookie %r", value)
        return None
    return _decode_payload(payload)


def _decode_signed_value_v2(
    secret: SecretTypes, name: str, value: bytes, max_age_days: float, clock: Clock
) -> bytes | None:
    try:
        key_version, timestamp, signed_name, payload, signature = _decode_fields_v2(value)
        signed_at = int(timestamp)
    except ValueError:
        return None
    if isinstance(secret, dict):
        if key_version not in secret:
            return None
        secret = secret[key_version]
    sealed = value[: len(value) - len(signature)]
    if not hmac.compare_digest(signature, _create_signature_v2(secret, sealed)):
        return None
    if signed_name != utf8(name) or signed_at < clock() - max_age_days * _DAY:
        return None
    return _decode_payload(payload)


def _decode_payload(payload: bytes) -> bytes | None:
    try:
        return base64.b64decode(payload)
    except binascii.Error:
        return None


def _decode_fields_v2(value: bytes) -> tuple[int, bytes, bytes, bytes, bytes]:
    position = value.index(b"|") + 1
    fields = []
    for _ in range(4):
        colon = value.find(b":", position)
        size = value[position:colon] if colon >= 0 else b""
        if not size.isdigit():
            raise ValueError("malformed v2 signed value field")
        position = colon + 1 + int(size) + 1
        if value[position - 1 : position] != b"|":
            raise ValueError("malformed v2 signed value field")
        fields.append(value[colon + 1 : position - 1])
    key_version, timestamp, name, payload = fields
    return int(key_version), timestamp, name, payload, value[position:]


def _create_signature_v1(secret: str | bytes, *parts: str | bytes) -> bytes:
    return hmac.digest(utf8(secret), b"".join(utf8(part) for part in parts), "sha1").hex().encode()


def _create_signature_v2(secret: str | bytes, s: bytes) -> bytes:
    return hmac.digest(utf8(secret), utf8(s), "sha256").hex().encode()
