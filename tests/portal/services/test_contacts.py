"""Which contact in Xero a customer is: matched, made, decided by a person, followed when merged, changed when ours."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from flask import Flask

from portal import clock
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.hoopai import people
from portal.hoopai.people import AddressSaid
from portal.models import Connection, Document, Link, Location
from portal.services import approvals, contact_review, intake, preferences, recording, sync_options
from portal.services.contact_review import Case
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

D = Decimal
pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)
MIRA = {"name": "Mira Okafor", "companyName": "Lantern Foods", "email": "mira@lantern.example"}


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        made.hoop.tell_of("Invoice", "Contact")
        yield made


def invoice(stage: Stage, **more: Any) -> dict[str, Any]:
    made = stage.hoop.create(line("Care plan", "150", "2", GST), **more)
    carry(stage)
    return made


def carry(stage: Stage) -> None:
    release()
    stage.carry()


def typed_in(stage: Stage, **fields: Any) -> str:
    return str(stage.xero.type_in(stage.tenant_id, "Contacts", fields)["ContactID"])


def wish(stage: Stage, **fields: Any) -> None:
    preferences.save(stage.location_id, stage.person.user, fields)


def here(stage: Stage) -> Location:
    return db.session.get_one(Location, stage.location_id)


def case(stage: Stage) -> Case:
    release()
    (found,) = contact_review.cases(here(stage))
    return found


def customers(stage: Stage) -> list[tuple[str, str]]:
    """Name and id of the customer of each invoice in Xero."""
    return [(each["Contact"]["Name"], each["Contact"]["ContactID"]) for each in stage.invoices()]


def test_the_same_email_address_is_matched_only_where_the_location_wants_it(stage: Stage) -> None:
    theirs = typed_in(stage, Name="Lantern Foods Pty Ltd", EmailAddress="Mira@lantern.example")
    wish(stage, match_by_email=True)
    invoice(stage)
    assert customers(stage) == [("Lantern Foods Pty Ltd", theirs)]
    assert len([each for each in stage.books()["contacts"] if "Lantern" in each["Name"]]) == 1


def test_without_that_wish_a_new_contact_is_made(stage: Stage) -> None:
    typed_in(stage, Name="Lantern Foods Pty Ltd", EmailAddress="mira@lantern.example")
    invoice(stage)
    assert [name for name, _ in customers(stage)] == ["Lantern Foods"]


def test_an_ambiguous_address_is_decided_by_a_person(stage: Stage) -> None:
    wish(stage, match_by_email=True)
    typed_in(stage, Name="Lantern North", EmailAddress="mira@lantern.example")
    chosen = typed_in(stage, Name="Lantern South", EmailAddress="mira@lantern.example")
    invoice(stage)
    found = case(stage)
    assert stage.invoices() == []
    assert [each.row.name for each in found.candidates] == ["Lantern North", "Lantern South"]
    assert (found.invoices, found.name_free) == (1, True)
    contact_review.use(here(stage), found.push.id, chosen, stage.person.user)
    carry(stage)
    assert customers(stage) == [("Lantern South", chosen)]
    with pytest.raises(ChooseAgain):
        contact_review.use(here(stage), found.push.id, chosen, stage.person.user)


def test_an_archived_contact_is_tried_again_once_it_was_restored(stage: Stage) -> None:
    theirs = typed_in(stage, Name="Lantern Foods")
    stage.xero.change_contact(stage.tenant_id, theirs, ContactStatus="ARCHIVED")
    invoice(stage)
    found = case(stage)
    assert [each.usable for each in found.candidates] == [False]
    with pytest.raises(ChooseAgain):
        contact_review.use(here(stage), found.push.id, theirs, stage.person.user)
    stage.xero.change_contact(stage.tenant_id, theirs, ContactStatus="ACTIVE")
    contact_review.restored(here(stage), found.push.id, stage.person.user)
    carry(stage)
    assert customers(stage) == [("Lantern Foods", theirs)]


def test_a_new_contact_may_have_the_name_of_an_archived_one(stage: Stage) -> None:
    theirs = typed_in(stage, Name="Lantern Foods")
    stage.xero.change_contact(stage.tenant_id, theirs, ContactStatus="ARCHIVED")
    invoice(stage)
    contact_review.create(here(stage), case(stage).push.id, "", stage.person.user)
    carry(stage)
    ((name, identity),) = customers(stage)
    assert name == "Lantern Foods"
    assert identity != theirs


def test_a_name_that_is_taken_is_never_given_a_silent_suffix(stage: Stage) -> None:
    invoice(stage)
    invoice(stage, contact={**MIRA, "email": "other@lantern.example"})
    found = case(stage)
    assert not found.name_free
    with pytest.raises(ChooseAgain) as refusal:
        contact_review.create(here(stage), found.push.id, "lantern foods", stage.person.user)
    assert "name" in refusal.value.fields
    contact_review.create(here(stage), found.push.id, "Lantern Foods (Bondi)", stage.person.user)
    carry(stage)
    assert [name for name, _ in customers(stage)] == ["Lantern Foods", "Lantern Foods (Bondi)"]


def test_a_merged_contact_is_followed(stage: Stage) -> None:
    made = invoice(stage)
    into = typed_in(stage, Name="Lantern Group")
    ((_, ours),) = customers(stage)
    stage.xero.change_contact(
        stage.tenant_id, ours, ContactStatus="ARCHIVED", MergedToContactID=into, Name="Lantern Foods (merged)"
    )
    release()
    with transaction() as session:
        session.get_one(Connection, stage.connection_id).contacts_fetched_at = clock.now() - timedelta(days=2)
    stage.hoop.create(line("Care plan", "10", "1", GST), contact_id=made["contactDetails"]["id"])
    carry(stage)
    link = db.session.query(Link).filter_by(document=Document.CONTACT).one()
    assert (link.xero_id, link.ours) == (into, False)
    assert ("Lantern Group", into) in customers(stage)


def test_a_change_in_hoopai_reaches_a_contact_of_ours_with_the_changed_fields_only(stage: Stage) -> None:
    made = invoice(stage)
    ((_, ours),) = customers(stage)
    stage.xero.change_contact(stage.tenant_id, ours, FirstName="Typed by the bookkeeper")
    stage.hoop.contact(id=made["contactDetails"]["id"], phone="+61 2 5550 1234")
    carry(stage)
    found = next(each for each in stage.books()["contacts"] if each["ContactID"] == ours)
    assert found["FirstName"] == "Typed by the bookkeeper"
    assert "+61 2 5550 1234" in str(found["Phones"])


def told(stage: Stage, made: dict[str, Any], **more: str) -> None:
    """HoopAI's own word about the customer of an invoice."""
    change = {"companyName": "Lantern Kitchens", "phone": "+61 2 5550 1234"} | more
    stage.hoop.contact(id=made["contactDetails"]["id"], address1="9 Quay Street", city="Hobart", **change)


def customer(stage: Stage) -> str:
    """Name, phone and street of the only customer in Xero."""
    ((_, ours),) = set(customers(stage))
    found = next(each for each in stage.books()["contacts"] if each["ContactID"] == ours)
    phones = [each["PhoneNumber"] for each in found["Phones"]]
    return " ".join([found["Name"], *phones, *(each["AddressLine1"] for each in found["Addresses"])])


def test_what_an_invoice_says_again_of_its_customer_takes_nothing_back_that_was_told_since(
    stage: Stage,
) -> None:
    made = invoice(stage)
    told(stage, made)
    carry(stage)
    calls = len(stage.xero.calls("Contacts"))
    stage.hoop.act(made["_id"], "pay", method="card")
    carry(stage)
    assert [each["Status"] for each in stage.invoices()] == ["PAID"]
    assert customer(stage) == "Lantern Kitchens +61 2 5550 1234 9 Quay Street"
    assert len(stage.xero.calls("Contacts")) == calls


def test_what_is_told_of_a_customer_between_two_words_about_the_first_invoice_is_heard(stage: Stage) -> None:
    made = stage.hoop.create(line("Care plan", "150", "2", GST))
    stage.heard()
    told(stage, made)
    stage.heard()
    stage.hoop.act(made["_id"], "pay", method="card")
    carry(stage)
    assert customer(stage) == "Lantern Kitchens +61 2 5550 1234 9 Quay Street"


def test_another_invoice_says_more_but_a_mere_country_takes_no_street_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = invoice(stage)
    told(stage, made)
    carry(stage)
    whole = people.on_invoice
    said: dict[str, Any] = {"phone": "+61 2 5550 9999", "address": AddressSaid(country="AU")}
    monkeypatch.setattr(people, "on_invoice", lambda details: whole(details)._replace(**said))
    stage.hoop.create(line("Care plan", "150", "2", GST), contact_id=made["contactDetails"]["id"])
    carry(stage)
    assert customer(stage) == "Lantern Kitchens +61 2 5550 9999 9 Quay Street"


def test_a_customer_who_changes_while_it_is_being_sent_is_changed_in_xero_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, phones = recording.record, ["+61 2 5550 1234", "+61 2 5550 9999"]

    def late(*landed: Any) -> None:
        if phones:
            told(stage, made, phone=phones.pop(0))
            stage.heard()
            intake.apply()
        whole(*landed)

    monkeypatch.setattr(recording, "record", late)
    made = stage.hoop.create(line("Care plan", "150", "2", GST))
    carry(stage)
    carry(stage)
    assert (phones, customer(stage)) == ([], "Lantern Kitchens +61 2 5550 9999 9 Quay Street")


def test_a_customer_without_a_name_goes_by_itself_once_hoopai_tells_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = people.on_invoice
    nobody: dict[str, Any] = {"name": "", "company_name": None, "email": None}
    monkeypatch.setattr(people, "on_invoice", lambda details: whole(details)._replace(**nobody))
    stage.hoop.tell_of("Invoice")
    made = invoice(stage)
    assert [str(push.state) for push in stage.pushes("contact")] == ["blocked"]
    stage.hoop.tell_of("Invoice", "Contact")
    told(stage, made)
    carry(stage)
    assert customer(stage) == "Lantern Kitchens +61 2 5550 1234 9 Quay Street"


def test_contacts_that_are_not_ours_are_never_changed(stage: Stage) -> None:
    typed_in(stage, Name="Lantern Foods")
    made = invoice(stage)
    before = len(stage.xero.calls("Contacts"))
    stage.hoop.contact(id=made["contactDetails"]["id"], phone="+61 2 5550 1234")
    carry(stage)
    assert len(stage.xero.calls("Contacts")) == before


def test_no_contact_is_changed_where_the_location_does_not_want_it(stage: Stage) -> None:
    wish(stage, update_contacts=False)
    made = invoice(stage)
    before = len(stage.xero.calls("Contacts"))
    stage.hoop.contact(id=made["contactDetails"]["id"], phone="+61 2 5550 1234")
    carry(stage)
    assert len(stage.xero.calls("Contacts")) == before


def test_payments_of_a_draft_wait_for_its_approval_in_xero(stage: Stage) -> None:
    wish(stage, for_approval=True)
    made = invoice(stage)
    stage.hoop.act(made["_id"], "pay", method="card")
    carry(stage)
    assert ([each["Status"] for each in stage.invoices()], stage.payments()) == (["DRAFT"], [])
    draft = stage.invoices()[0]["InvoiceID"]
    approved = {"InvoiceID": draft, "Status": "AUTHORISED"}
    stage.xero.type_in(stage.tenant_id, "Invoices", approved, "POST")
    turns = []
    for minute in range(10):
        with time_machine.travel(clock.now() + timedelta(minutes=minute), tick=False):
            turns += approvals.due()
    assert turns == [stage.connection_id], "once in ten minutes"
    release()
    assert approvals.read(stage.connection_id) == 1
    carry(stage)
    assert [each["Status"] for each in stage.invoices()] == ["PAID"]
    assert approvals.due() == []


def test_an_invoice_that_was_too_early_goes_when_the_setting_lets_it(stage: Stage) -> None:
    wish(stage, send_from="paid")
    invoice(stage)
    assert stage.invoices() == []
    release()
    assert sync_options.save(stage.location_id, stage.person.user, {"send_from": "sent"}) == 1
    carry(stage)
    assert [each["Status"] for each in stage.invoices()] == ["AUTHORISED"]
    assert preferences.of(db.session(), stage.location_id).update_contacts is False


def test_a_branding_theme_is_chosen_among_those_that_xero_has(stage: Stage) -> None:
    assert sync_options.read_themes(stage.location_id) > 0
    theme = (sync_options.of(stage.location_id).themes or [])[-1]
    with pytest.raises(ChooseAgain):
        sync_options.save(stage.location_id, stage.person.user, {"branding_theme": "another"})
    sync_options.save(
        stage.location_id, stage.person.user, {"branding_theme": theme.theme_id, "update_contacts": "yes"}
    )
    release()
    invoice(stage)
    assert [each.get("BrandingThemeID") for each in stage.invoices()] == [theme.theme_id]
