"""The operator's commands."""

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal import cli, clock
from portal.extensions import db
from portal.models import AuditEntry, SecondFactor, User
from portal.services import api_keys, demo, invitations, second_factor, users
from portal.services.unit import transaction
from tests.support import portal


@pytest.fixture
def shell(ground: Flask) -> Flask:
    """A portal with its commands."""
    cli.register(ground)
    return ground


def run(app: Flask, *words: str, stdin: str = "") -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=list(words), input=stdin)
    return result.exit_code, result.output


def said(app: Flask, *words: str, stdin: str = "") -> Any:
    code, output = run(app, *words, stdin=stdin)
    assert code == 0, output
    return json.loads(output)


def test_an_agency_a_location_and_a_person_are_added(shell: Flask) -> None:
    assert said(shell, "agencies", "add", "Tidewater", "--json")["id"] > 0
    location = said(
        shell, "locations", "add", "locTide", "Tide", "--agency", "Tidewater", "--timezone", "Europe/London", "--json"
    )  # fmt: skip
    assert location["webhook_url"].startswith("http://localhost:8000/hooks/hoopai/")
    assert len(location["webhook_secret"]) >= 43
    person = said(
        shell, "users", "add", "kim@tide.example", "--agency", "Tidewater", "--role", "account_admin",
        "--location", "locTide", "--password-stdin", "--json", stdin="a-tidal-password\n",
    )  # fmt: skip
    assert person["role"] == "account_admin"
    assert users.sign_in("kim@tide.example", "a-tidal-password", "", "")
    kim = db.session.scalars(select(User).where(User.email == "kim@tide.example")).one()
    assert [each.hoop_id for each in users.locations_of(kim)] == ["locTide"]


def test_somebody_who_lost_phone_and_codes_is_let_in_by_the_operator(shell: Flask) -> None:
    ana = portal.ana()
    second_factor.start(ana.user)
    with transaction() as session:
        session.execute(update(SecondFactor).values(confirmed_at=clock.now()))
    assert second_factor.is_on(ana.user_id)
    told = said(shell, "users", "forget-second-factor", demo.EMAIL.upper(), "--json")
    assert told == {"email": demo.EMAIL, "sessions_ended": 1}
    assert not second_factor.is_on(ana.user_id)
    assert users.session_for(ana.key) is None
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.user_id, entry.detail) == ("users.second_factor_off", None, demo.EMAIL)
    code, output = run(shell, "users", "forget-second-factor", "nobody@tide.example")
    assert (code, "Nobody has the e-mail address" in output) == (1, True)


def test_a_person_without_a_password_gets_a_link_to_join(shell: Flask) -> None:
    made = said(
        shell, "users", "add", "Lou@Tide.example", "--agency", demo.AGENCY, "--role", "viewer",
        "--location", portal.HARBOUR, "--json",
    )  # fmt: skip
    assert made["email"] == "lou@tide.example"
    base, _, key = made["invitation_url"].partition("/invitations/")
    assert base == "http://localhost:8000"
    invitations.accept(key, "Lou", "four unrelated words")
    assert users.sign_in("lou@tide.example", "four unrelated words", "", "")


def test_a_key_of_the_api_is_made_and_shown_once(shell: Flask) -> None:
    location_id = demo.LOCATIONS[0][0]
    wish = ("api-keys", "add", "--location", location_id, "--name", "Zapier")
    made = said(shell, *wish, "--read-only", "--json")
    key = api_keys.opened_by(made["key"])
    assert key is not None
    assert (key.location.hoop_id, key.may_write, made["read_only"]) == (location_id, False, True)
    code, output = run(shell, *wish)
    assert (code, "a key of that name" in output) == (1, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("agencies", "add", demo.AGENCY), "already"),
        (("locations", "add", "x", "X", "--agency", "Nobody"), "no agency named"),
        (("locations", "add", "x", "X", "--agency", demo.AGENCY, "--timezone", "Mars/Base"), "time zone"),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_code_1(
    shell: Flask, words: tuple[str, ...], sentence: str
) -> None:
    code, output = run(shell, *words)
    assert code == 1
    assert sentence in output
    assert "Traceback" not in output


def test_the_demo_is_seeded_once_and_told_again(shell: Flask) -> None:
    first, again = said(shell, "demo"), said(shell, "demo", "--json")

    assert first == again
    assert first["sign_in"] == {"email": "ana@northlight.example", "password": "demo-harbour-2026"}
    assert [each["name"] for each in first["locations"]] == ["Harbour Studio", "Kauri Fitness"]
    assert set(first["locations"][0]) == {"location_id", "name", "webhook_url", "webhook_secret"}


def test_the_doctor_says_what_is_wrong_and_ends_with_1(shell: Flask) -> None:
    code, output = run(shell, "doctor", "--json")
    checks = {each["name"]: each for each in json.loads(output)["checks"]}

    assert code == 1
    assert checks["database"]["ok"]
    assert checks["redis"]["ok"]
    assert checks["xero api"]["ok"]
    assert not checks["workers"]["ok"]
    assert "jobs.worker" in checks["workers"]["sentence"]
    assert not checks["migrations"]["ok"]


def test_keys_are_rotated(shell: Flask) -> None:
    assert said(shell, "tokens", "rotate-keys", "--json") == {
        "resealed": {
            "authorisations": 0,
            "sources": 0,
            "consent_runs": 0,
            "mails": 0,
            "second_factors": 0,
            "webhook_endpoints": 0,
        }
    }
