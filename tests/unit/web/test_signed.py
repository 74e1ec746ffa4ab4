import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyframework.web import (
    _create_signature_v1,
    _create_signature_v2,
    _decode_fields_v2,
    _get_version,
    create_signed_value,
    decode_signed_value,
    get_signature_key_version,
)

NOW = 1300000000
DAY = 86400
V1 = b"dmFsdWU=|1300000000|31c934969f53e48164c50768b40cbd7e2daaaa4f"
V2 = b"2|1:0|10:1300000000|3:key|8:dmFsdWU=|3d4e60b996ff9c5d5788e333a0cba6f238a22c6c0f94788870e1a9ecd482e152"
SECRET = "It's a secret to everybody"


def decode(value, secret=SECRET, name="key", at=NOW, **kwargs):
    return decode_signed_value(secret, name, value, clock=lambda: at, **kwargs)


@pytest.mark.parametrize(("version", "signed"), [(1, V1), (2, V2), (None, V2)])
def test_known_values(version, signed):
    assert create_signed_value(SECRET, "key", "value", version=version, clock=lambda: NOW) == signed
    assert decode(signed) == b"value"
    assert decode(signed.decode()) == b"value"


@pytest.mark.parametrize("signed", [V1, V2])
def test_age(signed):
    assert decode(signed, at=NOW + 31 * DAY) == b"value"
    assert decode(signed, at=NOW + 31 * DAY + 1) is None
    assert decode(signed, at=NOW + 2, max_age_days=1 / DAY) is None


def test_v1_does_not_believe_strange_times(caplog):
    def signed(timestamp):
        return b"|".join([b"dg==", timestamp, _create_signature_v1(SECRET, "key", b"dg==", timestamp)])

    assert decode(signed(b"1300000000")) == b"v"
    assert decode(signed(b"not-a-number")) is None
    assert decode(signed(b"01300000000")) is None
    assert decode(V1, at=NOW - 32 * DAY) is None
    assert [record.getMessage().split(" b'")[0] for record in caplog.records] == [
        "Tampered cookie",
        "Cookie timestamp in future; possible tampering",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


@pytest.mark.parametrize("signed", [V1, V2])
def test_no_byte_can_be_changed(signed):
    for position in range(len(signed)):
        for other in (b"0", b"1", b"|", b"x", b""):
            changed = signed[:position] + other + signed[position + 1 :]
            if changed != signed:
                assert decode(changed) is None, changed
    assert decode(signed + b"0") is None
    assert decode(signed, name="other") is None
    assert decode(signed, secret="other") is None


@pytest.mark.parametrize(
    "value", [None, "", b"", b"|", b"a|b", b"2|", b"2|1:0", b"2|9:0|", b"3|x", b"2|1:0|1:x|3:key|0:||", b"2|-1:0|1:1|"]
)
def test_what_is_no_signed_value(value):
    assert decode(value) is None


def test_min_version():
    assert decode(V1, min_version=2) is None
    assert decode(V2, min_version=2) == b"value"
    with pytest.raises(ValueError, match="min_version 3"):
        decode(V2, min_version=3)


def test_key_versions():
    secrets = {0: "a", 1: "b"}
    signed = create_signed_value(secrets, "key", "value", key_version=1, clock=lambda: NOW)
    assert decode(signed, secrets) == b"value"
    assert decode(signed, {0: "a"}) is None
    assert get_signature_key_version(signed) == 1
    assert get_signature_key_version(V1) is None
    assert get_signature_key_version(b"2|1:x|") is None
    with pytest.raises(AssertionError, match="Key version"):
        create_signed_value(secrets, "key", "value")
    with pytest.raises(AssertionError, match="one secret"):
        create_signed_value(secrets, "key", "value", version=1)
    with pytest.raises(ValueError, match="Unsupported version 3"):
        create_signed_value(SECRET, "key", "value", version=3)


def test_version_of():
    for value, version in [(b"2|", 2), (b"999|a", 999), (b"1000|a", 1), (b"02|", 1), (b"12", 1), (b"+1|", 1), (b"", 1)]:
        assert _get_version(value) == version


def test_fields_may_hold_separators():
    assert _decode_fields_v2(b"2|1:7|1:1|1:a|3:b|c|s|g") == (7, b"1", b"a", b"b|c", b"s|g")


@given(st.text(), st.binary(), st.sampled_from([1, 2]))
def test_round_trip(name, value, version):
    signed = create_signed_value(b"\xff", name, value, version=version, clock=lambda: NOW)
    assert decode(signed, b"\xff", name) == value


@given(st.binary())
def test_any_bytes_with_a_good_signature_decode_or_not(fields):
    sealed = b"2|" + fields + b"|"
    decode(sealed + _create_signature_v2(SECRET, sealed))
