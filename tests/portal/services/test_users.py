"""Signing in, staying in, and which locations a person may enter."""

import threading
from datetime import timedelta

import pytest
import time_machine
from argon2 import extract_parameters
from flask import Flask
from sqlalchemy import select, text

from portal import clock
from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import AuditEntry, Role, Session, User
from portal.services import agencies, demo, own_password, passwords, users
from portal.services.unit import release, transaction
from tests.support import portal


def _sentence(email: str, password: str) -> str:
    with pytest.raises(ChooseAgain) as refusal:
        users.sign_in(email, password, "127.0.0.1", "a test")
    return str(refusal.value)


def test_the_right_password_signs_in_and_the_key_is_kept_only_as_its_hash(ground: Flask) -> None:
    key = users.sign_in(demo.EMAIL, demo.PASSWORD, "127.0.0.1", "a test")

    session = users.session_for(key)
    assert session is not None
    assert session.user.email == demo.EMAIL
    assert key not in str(db.session.execute(text("select * from sessions")).all())


def test_the_address_may_be_written_in_any_case(ground: Flask) -> None:
    assert users.sign_in(f"  {demo.EMAIL.upper()} ", demo.PASSWORD, "", "")


def test_wrong_password_unknown_address_and_former_colleague_get_the_same_sentence(ground: Flask) -> None:
    sentences = {_sentence(demo.EMAIL, "not-this-one"), _sentence("nobody@northlight.example", demo.PASSWORD)}
    with transaction() as session:
        session.scalars(select(User)).one().active = False
    sentences.add(_sentence(demo.EMAIL, demo.PASSWORD))

    assert len(sentences) == 1


def test_an_unknown_address_costs_the_same_hash_as_a_wrong_password(
    ground: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    real = passwords._hasher

    class Noting:
        hash = staticmethod(real.hash)

        def verify(self, kept: str, password: str) -> bool:
            looked_at.append(kept)
            return real.verify(kept, password)

    passwords._nobodys.cache_clear()
    monkeypatch.setattr(passwords, "_hasher", Noting())
    _sentence(demo.EMAIL, "not-this-one")
    _sentence("nobody@northlight.example", "not-this-one")

    known, unknown = looked_at
    assert known != unknown
    assert extract_parameters(known) == extract_parameters(unknown)


def test_no_more_than_two_passwords_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, real = [0], [0], passwords._hasher

    class Counting:
        def verify(self, kept: str, password: str) -> bool:
            running[0] += 1
            most[0] = max(most[0], running[0])
            try:
                return real.verify(kept, password)
            finally:
                running[0] -= 1

    kept = passwords.hashed("a-good-password")
    monkeypatch.setattr(passwords, "_hasher", Counting())
    threads = [threading.Thread(target=passwords.matches, args=(kept, "another")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most[0] <= 2


def test_who_signs_in_while_the_password_changes_does_not_outlive_it(
    ground: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, real = portal.ana(), passwords.matches

    def slowly(kept: str | None, password: str) -> bool:
        fits = real(kept, password)
        monkeypatch.setattr(passwords, "matches", real)
        own_password.change(ana.user, ana.session_id, demo.PASSWORD, "another-green-boat")
        return fits

    monkeypatch.setattr(passwords, "matches", slowly)
    assert _sentence(demo.EMAIL, demo.PASSWORD) == users.REFUSED
    alive = select(Session.id).where(Session.ended_at.is_(None))
    assert db.session.scalars(alive).all() == [ana.session_id]


def test_a_session_ends_with_sign_out(ground: Flask) -> None:
    key = portal.ana().key
    users.sign_out(key)

    assert users.session_for(key) is None
    users.sign_out(key)
    actions = set(db.session.scalars(select(AuditEntry.action)))
    assert {"users.sign_in", "users.sign_out"} <= actions


@pytest.mark.parametrize(("idle", "alive"), [(timedelta(minutes=119), True), (timedelta(minutes=121), False)])
def test_a_session_lives_two_hours_without_use(ground: Flask, idle: timedelta, alive: bool) -> None:
    key = portal.ana().key
    with time_machine.travel(clock.now() + idle, tick=True):
        assert (users.session_for(key) is not None) is alive


def test_a_session_in_use_ends_after_twelve_hours(ground: Flask) -> None:
    key, began = portal.ana().key, clock.now()
    for hour in range(1, 12):
        with time_machine.travel(began + timedelta(hours=hour), tick=True):
            assert users.session_for(key) is not None
    with time_machine.travel(began + timedelta(hours=12, seconds=1), tick=True):
        assert users.session_for(key) is None


def test_looking_at_a_session_writes_at_most_once_a_minute(ground: Flask) -> None:
    key = portal.ana().key
    before = db.session.scalars(select(Session.seen_at)).one()
    users.session_for(key)
    release()
    assert db.session.scalars(select(Session.seen_at)).one() == before


def test_the_session_of_a_person_who_left_is_no_session(ground: Flask) -> None:
    key = portal.ana().key
    with transaction() as session:
        session.scalars(select(User)).one().active = False
    assert users.session_for(key) is None


def test_an_agency_admin_enters_every_location_of_the_agency_and_no_other(ground: Flask) -> None:
    other = agencies.add("Another Agency")
    agencies.add_location(other, "locElsewhere", "Elsewhere")
    user = portal.ana().user

    assert [each.name for each in users.locations_of(user)] == ["Harbour Studio", "Kauri Fitness"]
    with pytest.raises(NotFoundHere):
        users.location_for(user, "locElsewhere")


def test_an_account_admin_enters_only_the_given_locations(ground: Flask) -> None:
    agency = agencies.named(demo.AGENCY)
    given = [agencies.located(agency, portal.KAURI)]
    user = users.add(
        "ben@northlight.example", agency, Role.ACCOUNT_ADMIN, "kauri-long-enough", locations=given
    )

    assert [each.hoop_id for each in users.locations_of(user)] == [portal.KAURI]
    assert users.location_for(user, portal.KAURI).name == "Kauri Fitness"
    with pytest.raises(NotFoundHere):
        users.location_for(user, portal.HARBOUR)


def test_an_address_is_used_once_and_a_short_password_is_refused(ground: Flask) -> None:
    agency = agencies.named(demo.AGENCY)
    with pytest.raises(ChooseAgain, match="already"):
        users.add(demo.EMAIL, agency, Role.VIEWER, "long-enough-password")
    with pytest.raises(ChooseAgain, match="12"):
        users.add("new@northlight.example", agency, Role.VIEWER, "short")


def test_nobody_is_given_a_location_of_another_agency(ground: Flask) -> None:
    other = agencies.add("Another Agency")
    theirs = agencies.located(agencies.named(demo.AGENCY), portal.HARBOUR)
    with pytest.raises(ChooseAgain):
        users.add("eve@other.example", other, Role.VIEWER, "long-enough-password", locations=[theirs])


@pytest.mark.parametrize(
    "password", ["Password1234!", "qwertyuiop12", "123123123123", "P@ssw0rd2026", "Summer2026!!!"]
)
def test_the_commonest_passwords_are_refused_however_they_are_dressed(password: str) -> None:
    with pytest.raises(ChooseAgain, match="first passwords"):
        passwords.check(password)
    passwords.check(f"{password} of a small green boat")
