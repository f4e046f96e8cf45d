"""The pages on which people decide, opened over what really waits."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.models import MappingKind
from portal.services import demo, mappings, preferences
from portal.services.unit import release
from tests.portal.services.harness import Stage, staged
from tests.portal.services.test_deciding import carry, here, one, plan, taken
from tests.portal.services.test_refunds import refund
from tests.portal.views.browser import Browser
from tests.support.hoop import line
from tests.support.xero import Xero


@pytest.fixture
def stage(seeded: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with seeded.app_context(), staged(seeded, sandbox, xero) as made:
        made.map_all(**{"name:workshop": "260"})
        yield made


class Apart:
    """A browser in a thread of its own, so that no request sees the test's own app context."""

    def __init__(self, app: Flask) -> None:
        self.browser = Browser(app)
        self.pool = ThreadPoolExecutor(1)
        self.pool.submit(self.browser.sign_in, demo.EMAIL, demo.PASSWORD).result()

    def get(self, path: str) -> TestResponse:
        """Open an address."""
        answer = self.pool.submit(self.browser.get, path).result()
        assert answer.status_code == 200, answer.headers.get("Location")
        return answer

    def post(self, path: str, data: dict[str, Any] | None = None) -> TestResponse:
        """Post a form."""
        return self.pool.submit(self.browser.post, path, data).result()


def browser(stage: Stage) -> tuple[Apart, str]:
    base = f"/locations/{here(stage).hoop_id}"
    release()
    return Apart(stage.app), base


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_taken_number_is_compared_side_by_side_and_sent_with_a_suffix(stage: Stage) -> None:
    hoop_id = taken(stage, "Somebody Else", "5")
    person, base = browser(stage)
    assert "Compare and decide" in person.get(f"{base}/invoices/{hoop_id}").text
    page = person.get(f"{base}/invoices/{hoop_id}/conflict").text
    assert "the customer in Xero is Somebody Else" in text(page)
    assert "Send as 1042-H" in text(page)
    assert "Link to it" not in text(page)
    person.post(f"{base}/invoices/{hoop_id}/suffix")
    carry(stage)
    assert "sent to Xero as 1042-H" in text(person.get(f"{base}/invoices/{hoop_id}").text)


def test_what_a_total_holds_beside_its_lines_is_said_on_a_page(stage: Stage) -> None:
    hoop_id = stage.hoop.create(line("Workshop", "200"), late_fee="15")["_id"]
    stage.map_all(**{"charge:late fee": "260"})
    mappings.save(stage.location_id, stage.person.user, {(MappingKind.TAX, "none"): "EXEMPTOUTPUT"})
    carry(stage)
    person, base = browser(stage)
    assert "Xero rounds each line" not in (seen := text(person.get(f"{base}/invoices/{hoop_id}").text))
    assert "Compare and decide" in seen
    page = person.get(f"{base}/invoices/{hoop_id}/difference").text
    assert "Late fee to account 260" in text(page)
    amount = re.findall(r'name="amount" value="([^"]+)"', page)
    person.post(f"{base}/invoices/{hoop_id}/charge", data={"amount": amount})
    assert "Choose what it is." in text(person.get(f"{base}/invoices/{hoop_id}/difference").text)
    person.post(f"{base}/invoices/{hoop_id}/charge", data={"amount": amount, "charge": "late fee"})
    assert "Take back" in (seen := text(person.get(f"{base}/invoices/{hoop_id}").text))
    assert "15.00 is booked as late fee" in seen
    carry(stage)
    assert one(stage)["Total"] == 215
    assert "Take back" not in text(person.get(f"{base}/invoices/{hoop_id}").text)


def test_a_contact_is_chosen_on_its_page(stage: Stage) -> None:
    preferences.save(stage.location_id, stage.person.user, {"match_by_email": True})
    for name in ("Lantern North", "Lantern South"):
        stage.xero.type_in(
            stage.tenant_id, "Contacts", {"Name": name, "EmailAddress": "mira@lantern.example"}
        )
    stage.hoop.create(plan())
    carry(stage)
    person, base = browser(stage)
    page = person.get(f"{base}/contacts").text
    assert "Lantern North" in page
    assert "Create new" in page
    action, chosen = re.findall(r'action="([^"]+/use)".*?name="contact" value="([^"]+)"', page, re.S)[-1]
    person.post(action, data={"contact": chosen})
    carry(stage)
    assert one(stage)["Contact"]["Name"] == "Lantern South"
    assert "No contact needs a decision" in person.get(f"{base}/contacts").text


def test_the_invoice_page_tells_of_refunds_changes_and_payments_in_the_way(stage: Stage) -> None:
    made = stage.hoop.create(plan())
    carry(stage)
    stage.hoop.act(made["_id"], "edit", lines=[plan("160")])
    carry(stage)
    stage.hoop.act(made["_id"], "pay", amount="100", method="card")
    carry(stage)
    refund(stage, 1, "20")
    person, base = browser(stage)
    page = text(person.get(f"{base}/invoices/{made['_id']}").text)
    assert "Last change in Xero" in page
    assert "CN-1001-1" in page
    assert "Money paid out in Xero" in page
    assert "Credit note for 1001" in text(person.get(f"{base}/sync-activity").text)
    stage.hoop.act(made["_id"], "void")
    carry(stage)
    page = text(person.get(f"{base}/invoices/{made['_id']}").text)
    assert "Delete the payments in Xero and void" in page
    assert "Payments are in the way of a void" in text(person.get(f"{base}/troubleshooting").text)
