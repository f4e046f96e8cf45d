import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.crypto import BadKeys, SealBroken, Sealer, fingerprint, new_key

OLD, NEW = new_key("old"), new_key("new")


@given(st.text(), st.text(min_size=1))
def test_what_was_sealed_for_a_row_opens_for_it(plain, row):
    sealer = Sealer.from_text(OLD)
    assert sealer.open(sealer.seal(plain, row), row) == plain


def test_rows_can_not_be_swapped():
    sealer = Sealer.from_text(OLD)
    sealed = sealer.seal("refresh token of 7", "authorisations:7")
    with pytest.raises(SealBroken):
        sealer.open(sealed, "authorisations:8")


@pytest.mark.parametrize("place", [0, 3, 8, 20, -1])
def test_a_changed_letter_is_noticed(place):
    sealer = Sealer.from_text(OLD)
    sealed = list(sealer.seal("a token that is long enough", "a:1"))
    sealed[place] = "B" if sealed[place] != "B" else "C"
    text = "".join(sealed)
    with pytest.raises(SealBroken):
        sealer.open(text, "a:1")


@pytest.mark.parametrize(
    "text", ["", "plain", "v1:old:x", "v1:old:!!:!!", "v2:old:AAAA:AAAA", "v1:gone:AAAA:AAAA"]
)
def test_what_is_no_sealed_text_is_refused(text):
    with pytest.raises(SealBroken):
        Sealer.from_text(OLD).open(text, "a:1")


def test_the_first_key_seals_and_all_open():
    before = Sealer.from_text(OLD).seal("token", "a:1")
    both = Sealer.from_text(f"{NEW}, {OLD}")
    assert both.open(before, "a:1") == "token"
    after = both.reseal(before, "a:1")
    assert after.startswith("v1:new:")
    assert both.reseal(after, "a:1") == after
    assert Sealer.from_text(NEW).open(after, "a:1") == "token"
    with pytest.raises(SealBroken):
        Sealer.from_text(OLD).open(after, "a:1")


def test_the_same_secret_is_never_sealed_the_same_way_twice():
    sealer = Sealer.from_text(OLD)
    assert len({sealer.seal("token", "a:1") for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        "nokey",
        "a:",
        "a:%%%",
        "a:" + base64.b64encode(b"short").decode(),
        f"{OLD},{OLD}",
        "bad id:" + OLD.split(":")[1],
    ],
    ids=["empty", "blank", "no colon", "no key", "not base64", "short", "twice", "bad id"],
)
def test_keys_that_are_not_keys_are_refused_without_being_shown(text):
    with pytest.raises(BadKeys) as caught:
        Sealer.from_text(text)
    assert base64.b64encode(b"short").decode() not in str(caught.value)
    assert OLD.split(":")[1] not in str(caught.value)


def test_neither_keys_nor_secrets_show():
    sealer = Sealer.from_text(OLD)
    assert OLD.split(":")[1] not in repr(sealer)
    assert "token" not in sealer.seal("token", "a:1")


def test_a_row_has_to_be_named():
    with pytest.raises(ValueError, match="row"):
        Sealer.from_text(OLD).seal("x", "")


def test_a_fingerprint_tells_secrets_apart_and_shows_none():
    assert fingerprint("one") == fingerprint("one") != fingerprint("two")
    assert len(fingerprint("one")) == 12
