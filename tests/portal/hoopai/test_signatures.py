import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from portal.hoopai.signatures import ED25519_KEY, RSA_KEY, Scheme, sign, verify

SECRET = "whsec_of_this_test"
ED = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)


def public(key, encoding=Encoding.DER):
    raw = key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return raw.decode() if encoding is Encoding.PEM else base64.b64encode(raw).decode()


def forms(body, secret=SECRET):
    digest = hmac.new(secret.encode(), body, hashlib.sha256)
    raw = digest.digest()
    return [
        digest.hexdigest(),
        digest.hexdigest().upper(),
        "sha256=" + digest.hexdigest(),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "SHA256=" + base64.b64encode(raw).decode(),
    ]


@given(st.binary(max_size=400), st.sampled_from([Scheme.WL, Scheme.HOOK]), st.integers(0, 5))
def test_every_spelling_of_a_right_signature_is_accepted(body, scheme, form):
    assert verify(scheme, [SECRET], body, {scheme.value.title(): forms(body)[form]}).ok


@given(st.binary(min_size=1, max_size=200), st.integers(0, 10_000), st.integers(1, 255))
def test_a_body_changed_by_one_byte_is_refused(body, place, change):
    signature = sign(SECRET, body)
    other = bytearray(body)
    other[place % len(body)] ^= change
    assert (
        verify("x-wl-signature", [SECRET], bytes(other), {"x-wl-signature": signature}).reason == "mismatch"
    )


@given(st.text(max_size=120))
def test_no_text_at_all_passes_or_breaks_anything(text):
    assert not verify("x-wl-signature", [SECRET], b"{}", {"x-wl-signature": text}).ok
    assert not verify("x-ghl-signature", [], b"{}", {"x-ghl-signature": text}).ok
    assert not verify("x-wh-signature", [], b"{}", {"x-wh-signature": text}).ok


def test_while_a_secret_is_being_replaced_both_are_good():
    body = b'{"type":"InvoicePaid"}'
    headers = {"x-wl-signature": sign("older", body)}
    assert verify("x-wl-signature", ["newer", "older"], body, headers).ok
    assert not verify("x-wl-signature", ["newer"], body, headers).ok


def test_a_missing_header_is_never_forgiven():
    body = b"{}"
    for headers in (
        {},
        {"x-wl-signature": ""},
        {"x-wl-signature": "N/A"},
        {"x-hook-signature": sign(SECRET, body)},
    ):
        assert verify("x-wl-signature", [SECRET], body, headers).reason == "missing"


def test_an_empty_secret_opens_nothing():
    headers = {"x-wl-signature": hmac.new(b"", b"{}", hashlib.sha256).hexdigest()}
    assert verify("x-wl-signature", [""], b"{}", headers).reason == "no-secret"
    assert verify("x-wl-signature", [], b"{}", headers).reason == "no-secret"


def test_a_scheme_we_do_not_know_is_refused():
    assert verify("x-other", [SECRET], b"{}", {"x-other": "1"}).reason == "unknown-scheme"


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_the_public_key_schemes_judge_by_the_vendors_key(encoding):
    body = b'{"type":"InvoicePaid","n":1.50}'
    by_ed = base64.b64encode(ED.sign(body)).decode()
    by_rsa = base64.b64encode(RSA.sign(body, PKCS1v15(), SHA256())).decode()
    keys = {"ed25519_key": public(ED, encoding), "rsa_key": public(RSA, encoding)}
    assert verify("x-ghl-signature", [], body, {"X-GHL-Signature": by_ed}, **keys).ok
    assert verify("x-wh-signature", [], body, {"X-WH-Signature": by_rsa}, **keys).ok
    assert verify("x-ghl-signature", [], body + b" ", {"X-GHL-Signature": by_ed}, **keys).reason == "mismatch"
    assert verify("x-wh-signature", [], body + b" ", {"X-WH-Signature": by_rsa}, **keys).reason == "mismatch"
    assert verify("x-ghl-signature", [], body, {"X-GHL-Signature": by_ed}).reason == "mismatch"
    assert verify("x-wh-signature", [], body, {"X-WH-Signature": "%%%"}).reason == "malformed"


def test_a_secret_is_no_way_round_the_public_keys():
    body = b"{}"
    assert not verify("x-ghl-signature", [SECRET], body, {"x-ghl-signature": sign(SECRET, body)}).ok


def test_a_key_of_the_wrong_kind_is_our_own_mistake():
    headers = {"x-ghl-signature": "AAAA"}
    with pytest.raises(ValueError, match="public key"):
        verify("x-ghl-signature", [], b"{}", headers, ed25519_key=RSA_KEY)
    with pytest.raises(ValueError, match="public key"):
        verify("x-wh-signature", [], b"{}", {"x-wh-signature": "AAAA"}, rsa_key=ED25519_KEY)
