"""Contacts of the stand-in Xero: uniqueness, limits, archiving, finding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.sandbox.xero_world import Json, World, errors, fresh, read, xero_world


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with xero_world() as made:
        yield made


@pytest.fixture
def world(running: World) -> World:
    return fresh(running)


def refused(world: World, body: Json) -> list[str]:
    return errors(world.put("Contacts", body)[0])


def test_a_contact_keeps_what_it_was_given_and_shows_every_kind_of_address_and_phone(world: World) -> None:
    made = world.contact(
        ContactNumber="hoop-1",
        EmailAddress="jo@acme.example",
        Addresses=[
            {"AddressType": "POBOX", "AddressLine1": "PO Box 1", "City": "Sydney", "Country": "Australia"}
        ],
        Phones=[{"PhoneType": "DEFAULT", "PhoneNumber": "5550100", "PhoneAreaCode": "02"}],
    )
    assert {one["AddressType"]: one["City"] for one in made["Addresses"]} == {"STREET": "", "POBOX": "Sydney"}
    assert {one["PhoneType"] for one in made["Phones"]} == {"DEFAULT", "DDI", "FAX", "MOBILE"}
    assert (made["ContactStatus"], made["IsCustomer"], made["HasValidationErrors"]) == (
        "ACTIVE",
        False,
        False,
    )


def test_a_name_is_unique_among_active_contacts_whatever_its_case(world: World) -> None:
    first = world.contact("Acme Ltd")
    taken = (
        "The contact name ACME LTD is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    )
    assert refused(world, {"Name": "ACME LTD"}) == [taken]
    world.post("Contacts", {"ContactID": first["ContactID"], "ContactStatus": "ARCHIVED"})
    assert world.contact("ACME LTD")["ContactID"] != first["ContactID"]


def test_numbers_are_unique_over_archived_contacts_too(world: World) -> None:
    first = world.contact("Acme", ContactNumber="hoop-1", AccountNumber="A1")
    world.post("Contacts", {"ContactID": first["ContactID"], "ContactStatus": "ARCHIVED"})
    assert refused(world, {"Name": "Other", "ContactNumber": "hoop-1"})[0].startswith(
        "The contact number hoop-1 is already assigned to another contact"
    )
    taken = "The Account Number already exists. Please enter a different Account Number."
    assert refused(world, {"Name": "Other", "AccountNumber": "A1"}) == [taken]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"EmailAddress": "a@b.co"}, "The Contact must contain at least 1 of the following elements"),
        ({"ContactNumber": "n-1"}, "Contact cannot be empty."),
        ({"Name": "A", "EmailAddress": "not an address"}, "Email address must be valid"),
        ({"Name": "A", "EmailAddress": "jürgen@acme.example"}, "Email address must be valid"),
        ({"Name": "A <b>"}, "must not contain"),
        ({"Name": " A"}, "spaces"),
        ({"Name": "A  B"}, "spaces"),
        ({"Name": "n" * 256}, "255"),
        ({"Name": "A", "ContactNumber": "n" * 51}, "50"),
        ({"Name": "A", "ContactPersons": [{"FirstName": "x"}] * 6}, "5 contact persons"),
        ({"Name": "A", "Phones": [{"PhoneNumber": "5" * 51}]}, "50"),
        ({"Name": "A", "Addresses": [{"AddressType": "STREET", "AddressLine1": "x" * 501}]}, "500"),
        ({"Name": "A", "Addresses": [{"AddressType": "STREET", "Country": "AU2"}]}, "letters"),
    ],
)
def test_a_wrong_contact_is_refused(world: World, body: Json, message: str) -> None:
    assert any(message in said for said in refused(world, body))
    assert world.books()["contacts"] == []


def test_a_refused_contact_looks_as_recorded(world: World) -> None:
    world.contact("Acme")
    answer = world.ask("PUT", "Contacts", {"Contacts": [{"Name": "Acme", "Phones": [{"PhoneNumber": "1"}]}]})
    assert answer.status_code == 400
    one = read(answer)["Elements"][0]
    assert (one["ContactID"], one["HasValidationErrors"]) == ("00000000-0000-0000-0000-000000000000", True)
    assert one["Phones"][0]["ValidationErrors"] == []


def test_post_updates_by_id_by_number_and_by_name_and_keeps_what_is_left_out(world: World) -> None:
    first = world.contact("Acme", ContactNumber="hoop-1", EmailAddress="jo@acme.example")
    for named in ({"ContactID": first["ContactID"]}, {"ContactNumber": "hoop-1"}, {"Name": "Acme"}):
        changed = world.post("Contacts", named | {"FirstName": "Jo"})[0]
        assert (changed["ContactID"], changed["EmailAddress"]) == (first["ContactID"], "jo@acme.example")
    assert world.post("Contacts", {"ContactNumber": "hoop-1", "Name": "Acme Two"})[0]["Name"] == "Acme Two"
    assert len(world.books()["contacts"]) == 1


def test_an_archived_contact_is_not_edited(world: World) -> None:
    first = world.contact("Acme", ContactNumber="hoop-1")
    world.post("Contacts", {"ContactID": first["ContactID"], "ContactStatus": "ARCHIVED"})
    archived = (
        "The specified contact details matched an archived contact. "
        "Archived contacts cannot currently be edited via the API."
    )
    for named in (
        {"ContactID": first["ContactID"]},
        {"ContactNumber": "hoop-1", "Name": "B"},
        {"Name": "Acme"},
    ):
        assert errors(world.post("Contacts", named)[0]) == [archived]


def test_an_unknown_contact_id_in_a_batch_makes_the_request_a_404(world: World) -> None:
    body = [{"Name": "New"}, {"ContactID": "d4ad8fd6-5c72-4924-91b1-07f1472eb4c3", "Name": "Lost"}]
    answer = world.ask("POST", "Contacts?summarizeErrors=false", {"Contacts": body})
    assert answer.status_code == 404
    assert world.books()["contacts"] == []


def test_archived_contacts_are_left_out_of_lists_unless_asked_for(world: World) -> None:
    first = world.contact("Acme")
    world.contact("Borealis")
    world.post("Contacts", {"ContactID": first["ContactID"], "ContactStatus": "ARCHIVED"})

    def names(query: str) -> list[str]:
        return sorted(one["Name"] for one in world.get(f"Contacts{query}")["Contacts"])

    assert names("") == ["Borealis"]
    assert names("?includeArchived=true") == ["Acme", "Borealis"]
    assert names(f"?IDs={first['ContactID']}") == ["Acme"]


def test_a_contact_is_read_by_id_and_by_number_and_shows_balances(world: World) -> None:
    first = world.contact("Acme", ContactNumber="hoop-1")
    world.invoice(first, DueDate="2026-11-21")
    for word in (first["ContactID"], "hoop-1"):
        found = world.get(f"Contacts/{word}")["Contacts"][0]
        assert found["ContactID"] == first["ContactID"]
        assert found["Balances"]["AccountsReceivable"]["Outstanding"] == 110
    assert world.ask("GET", "Contacts/nobody").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"where": 'EmailAddress=="JO@acme.example"'}, ["Acme"]),
        ({"where": 'Name=="café noir"'}, ["Café Noir"]),
        ({"where": 'Name=="cafe noir"'}, ["Café Noir"]),
        ({"where": 'Name=="The \\"Best\\" Ltd"'}, ['The "Best" Ltd']),
        ({"where": 'ContactNumber!=null AND Name.StartsWith("A")'}, ["Acme"]),
        ({"searchTerm": "hoop-"}, ["Acme", "Café Noir"]),
        ({"searchTerm": "acme.example"}, ["Acme"]),
        ({"where": 'ContactStatus=="ACTIVE" AND (Name=="Acme" OR Name=="nobody")'}, ["Acme"]),
    ],
)
def test_contacts_are_found_by_filter_and_search_term(
    world: World, query: dict[str, Any], found: list[str]
) -> None:
    world.contact("Acme", ContactNumber="hoop-1", EmailAddress="jo@acme.example")
    world.contact("Café Noir", ContactNumber="hoop-2")
    world.contact('The "Best" Ltd')
    rows = world.get(f"Contacts?{urlencode(query)}")["Contacts"]
    assert sorted(one["Name"] for one in rows) == sorted(found)


def test_contacts_come_in_pages_with_a_count(world: World) -> None:
    world.put("Contacts", *[{"Name": f"Client {number:02d}"} for number in range(25)])
    page = world.get("Contacts?page=2&pageSize=10&order=Name%20DESC")
    assert page["pagination"] == {"page": 2, "pageSize": 10, "pageCount": 3, "itemCount": 25}
    assert page["Contacts"][0]["Name"] == "Client 14"
    brief = world.get("Contacts?summaryOnly=true")
    assert "Addresses" not in brief["Contacts"][0]
    assert "pagination" in brief
