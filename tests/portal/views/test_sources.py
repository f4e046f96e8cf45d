"""Settings > Integrations > HoopAI, as an admin uses it, over real HTTP to the portal and the stand-in."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests
from flask import Flask

from portal import create_app
from portal.config import Settings
from portal.extensions import db
from portal.models import InboundEvent, Source
from portal.services import catching_up, demo, intake, sources
from portal.services.unit import release
from tests.support import portal
from tests.support.consent import inputs
from tests.support.hoop import Hoop, line
from tests.support.servers import serving, wait_until

PAGE = f"/locations/{portal.HARBOUR}/settings/integrations/hoopai"


class Person:
    """A signed-in admin with a browser without JavaScript."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        form = inputs(self.session.get(f"{url}/sign-in", timeout=20).text)
        entered = {**form, "email": demo.EMAIL, "password": demo.PASSWORD}
        assert self.session.post(f"{url}/sign-in", data=entered, timeout=20).ok

    def see(self, path: str = PAGE) -> str:
        answer = self.session.get(self.url + path, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.text

    def press(self, path: str, status: int = 200, **fields: object) -> str:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.see())
        assert token is not None
        data = {"csrf_token": token[1], **fields}
        answer = self.session.post(self.url + path, data=data, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.text


@pytest.fixture
def here(settings: Settings) -> Iterator[tuple[Flask, str]]:
    """The whole portal, and where it is served."""
    app = create_app(settings)
    portal.make_tables(app)
    with app.app_context():
        demo.seed()
    with serving(app) as url:
        yield app, url
    portal.dispose(app)


@pytest.fixture
def person(here: tuple[Flask, str]) -> Person:
    return Person(here[1])


@pytest.fixture
def hoop(here: tuple[Flask, str], sandbox: str) -> Hoop:
    """HoopAI with the address and the secret that the page shows."""
    with here[0].app_context():
        source = sources.of(portal.location().id)
        assert source is not None
        made = Hoop(sandbox, portal.HARBOUR)
        made.listen(f"{here[1]}/hooks/hoopai/{source.hook_token}", sources.secret(source))
    return made


def test_a_test_delivery_goes_round_and_is_listed(here: tuple[Flask, str], person: Person) -> None:
    app, url = here
    app.extensions["portal.settings"] = replace(app.extensions["portal.settings"], base_url=url)
    told = person.press(f"{PAGE}/test")
    assert "The address answers, and the signature was accepted." in told
    assert "PortalTest" in told
    assert "A test that the portal sent to itself." in told


def test_each_delivery_is_listed_with_its_verdict(
    here: tuple[Flask, str], person: Person, hoop: Hoop
) -> None:
    hoop.create(line("Workshop", "200"))
    wait_until(hoop.idle, 10, "deliveries")
    hoop.redeliver(unsigned=True)
    wait_until(hoop.idle, 10, "the unsigned one")
    with here[0].app_context():
        intake.apply()
    page = person.see()
    assert "InvoiceSent" in page
    assert "Accepted" in page
    assert "1 delivery, nothing of them kept" in page
    assert "It carried no x-wl-signature header." in page


def test_after_a_rotation_both_secrets_count_until_the_old_one_is_refused(
    here: tuple[Flask, str], person: Person, hoop: Hoop
) -> None:
    person.press(f"{PAGE}/secret/new")
    hoop.create(line("Workshop", "200"))
    wait_until(hoop.idle, 10, "deliveries")
    assert {tuple(try_["status"] for try_ in each["attempts"]) for each in hoop.deliveries()} == {(200,)}
    page = person.see()
    assert "counts until" in page
    person.press(f"{PAGE}/secret/end")
    hoop.redeliver()
    wait_until(lambda: hoop.deliveries()[-1]["attempts"], 10, "the refusal")
    assert hoop.deliveries()[-1]["attempts"][0]["status"] == 401


@pytest.mark.parametrize("scheme", ["x-ghl-signature", "x-wh-signature", "x-hook-signature"])
def test_another_signature_is_chosen_and_the_former_one_is_refused(
    here: tuple[Flask, str], person: Person, hoop: Hoop, scheme: str
) -> None:
    keys = hoop.keys()
    key = {"x-ghl-signature": keys["ed25519"], "x-wh-signature": keys["rsa"]}.get(scheme, "")
    person.press(f"{PAGE}/signature", scheme=scheme, public_key=key)
    hoop.create(line("Workshop", "200"))
    wait_until(hoop.idle, 10, "deliveries")
    assert all(each["attempts"][0]["status"] == 401 for each in hoop.deliveries())
    assert f"It carried no {scheme} header. It carried x-wl-signature instead." in person.see()
    with here[0].app_context():
        source = sources.of(portal.location().id)
        assert source is not None
        address = f"{here[1]}/hooks/hoopai/{source.hook_token}"
        hoop.listen(address, sources.secret(source), scheme=scheme)
    hoop.redeliver()
    wait_until(lambda: hoop.deliveries()[-1]["attempts"], 10, "the delivery")
    assert hoop.deliveries()[-1]["attempts"][0]["status"] == 200


def test_a_key_that_is_none_is_refused_at_its_field(person: Person) -> None:
    told = person.press(f"{PAGE}/signature", 422, scheme="x-ghl-signature", public_key="nonsense")
    assert "This is not an Ed25519 public key in PEM or base64." in told
    assert "nonsense" in told


def test_a_token_is_tried_and_the_page_says_what_it_lacks(person: Person, hoop: Hoop) -> None:
    assert "less exactly" in person.see()
    assert "HoopAI does not accept this token" in person.press(f"{PAGE}/token", 422, token="pit-none")
    told = person.press(f"{PAGE}/token", token=hoop.token("invoices.readonly", "products.readonly"))
    assert "It lacks payments/transactions.readonly, products/collection.readonly." in told
    told = person.press(f"{PAGE}/token", token=hoop.token())
    assert "HoopAI accepts the token." in told
    assert "pit-" not in told
    assert "less exactly" in person.press(f"{PAGE}/token/forget")


def test_a_catch_up_is_begun_watched_and_stopped(here: tuple[Flask, str], person: Person, hoop: Hoop) -> None:
    person.press(f"{PAGE}/token", token=hoop.token())
    assert "Connect to Xero first" in person.press(f"{PAGE}/catch-up")
    with here[0].app_context():
        portal.connect(portal.ana())
        release()
    assert "Reading collections" in person.press(f"{PAGE}/catch-up")
    assert "Stopped. What was read stays." in person.press(f"{PAGE}/catch-up/cancel")
    person.press(f"{PAGE}/catch-up")
    with here[0].app_context():
        assert catching_up.go_on(portal.location().id)
        release()
    assert "Last caught up" in person.see(f"{PAGE}/catch-up")


def test_products_show_their_collection_and_can_be_mapped_alone(
    here: tuple[Flask, str], person: Person, hoop: Hoop
) -> None:
    person.press(f"{PAGE}/token", token=hoop.token())
    with here[0].app_context():
        portal.connect(portal.ana())
        release()
    packs = hoop.collection("Packs")
    product = hoop.product("Logo pack", "90", packs)
    person.press(f"{PAGE}/catch-up")
    with here[0].app_context():
        catching_up.go_on(portal.location().id)
        release()
    assert "Packs" in person.see(f"{PAGE}/products")
    told = person.press(f"{PAGE}/products/own", product=product, alone="1")
    assert "It is a category of its own now." in told
    assert "Map by its collection" in told


def test_methods_are_left_out_and_sent_again(person: Person) -> None:
    shown = re.findall(r'name="shown" value="([^"]+)"', person.see())
    assert "manual:cash" in shown
    person.press(f"{PAGE}/payments", shown=shown, send=[each for each in shown if each != "manual:cash"])
    box = re.search(
        r'<input[^>]*value="manual:cash"[^>]*name="send"|name="send"\s+value="manual:cash"[^>]*>',
        person.see(),
    )
    assert box is not None
    assert "checked" not in box[0]


def test_whoever_only_looks_changes_nothing(here: tuple[Flask, str], person: Person) -> None:
    with here[0].app_context():
        db.session.execute(db.text("update users set role = 'viewer'"))
        db.session.execute(db.text("insert into user_locations (user_id, location_id) values (1, 1)"))
        db.session.commit()
    page = person.see()
    assert "Save signature" not in page
    person.press(f"{PAGE}/signature", 403, scheme="x-hook-signature")
    with here[0].app_context():
        assert db.session.query(Source.scheme).first() == ("x-wl-signature",)
        assert db.session.query(InboundEvent).count() == 0
