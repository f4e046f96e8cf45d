"""The pages of the stand-in HoopAI, used as a person without JavaScript uses them."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import requests

from tests.sandbox.hoopai_world import CARE_PLAN, GST, HARBOUR, KAURI, World, hoopai_world, receiving
from tests.support.ports import free_port
from tests.support.servers import running, wait_for_web


@pytest.fixture
def world() -> Iterator[World]:
    with hoopai_world() as made:
        yield made


def create(world: World, **form: str) -> str:
    """Fill in the form and send it; the path of the invoice's page."""
    lines = {"line1_product": CARE_PLAN, "line1_qty": "2", "line1_taxes": GST, "line2_name": "Kick-off"}
    lines |= {"line2_amount": "200", "contact": "conLanternFoods00001", "send": "1"}
    reply = world.page(f"/play/{HARBOUR}/new", {**lines, **form})
    assert reply.status_code == 200, reply.text
    return reply.url.split("?")[0].removeprefix(world.url)


def state(world: World) -> str:
    found: str = world.control("/books")["locations"][0]["invoices"][-1]["status"]
    return found


def test_a_person_creates_sends_and_is_paid_twice(world: World) -> None:
    path = create(world, discount_type="percentage", discount_value="10", due_date="2027-01-31")
    page = world.page(path).text
    assert "AUD 477.00" in page
    assert "2027-01-31" in page
    assert state(world) == "sent"
    page = world.page(f"{path}/pay", {"amount": "200", "method": "cash"}).text
    assert "The payment is recorded." in page
    assert state(world) == "partially_paid"
    world.page(f"{path}/pay", {})
    assert state(world) == "paid"
    assert "AUD 477.00" in world.page("/").text


def test_a_person_may_type_a_new_contact(world: World) -> None:
    create(world, new_name="Zoë Zed", new_company="Zed & Sons")
    assert "Zed &amp; Sons" in world.page("/").text


def test_what_can_not_be_done_is_said_in_place_and_keeps_what_was_typed(world: World) -> None:
    path = create(world)
    reply = world.page(f"{path}/pay", {"amount": "9999"})
    assert reply.status_code == 422
    assert "at most the 530" in reply.text
    reply = world.page(
        f"/play/{HARBOUR}/new", {"line1_name": "Only <a> name", "contact": "conLanternFoods00001"}
    )
    assert reply.status_code == 422
    assert "needs an amount" in reply.text
    assert 'value="Only &lt;a&gt; name"' in reply.text


def test_every_button_of_an_invoice_does_its_work(world: World) -> None:
    path = create(world)
    for verb, expected in (
        ("processing", "payment_processing"), ("fail", "sent"), ("processing", "payment_processing"), ("clear", "paid"),
        ("refund", "paid"), ("delete", "delete"),
    ):  # fmt: skip
        assert world.page(f"{path}/{verb}", {}).status_code == 200
        assert state(world) == expected
    path = create(world)
    page = world.page(f"{path}/edit").text
    assert 'value="Website care plan"' in page
    fields = {"line1_name": "Hour", "line1_amount": "80", "line1_qty": "1"}
    assert "AUD 80.00" in world.page(f"{path}/edit", fields).text
    world.page(f"{path}/void", {})
    assert state(world) == "void"


def test_webhook_settings_mischief_and_the_log_work_from_the_pages(world: World) -> None:
    with receiving() as receiver:
        form = {
            "url": receiver.url,
            "secret": "s",
            "scheme": "x-wl-signature",
            "envelope": "flat",
            "policy": "hoopai",
        }
        assert "settings are saved" in world.page(f"/play/{HARBOUR}/webhook", form).text
        path = create(world)
        receiver.wait(2)
        invoice_id = path.rsplit("/", 1)[1]
        world.page(f"/play/{HARBOUR}/mischief", {"what": "out_of_order", "invoice_id": invoice_id})
        receiver.wait(4)
        world.page(f"/play/{HARBOUR}/mischief", {"what": "unsigned"})
        assert "x-wl-signature" not in receiver.wait(5)[4].headers
        assert receiver.types()[:4] == ["InvoiceCreate", "InvoiceSent", "InvoiceSent", "InvoiceCreate"]
        page = world.page(f"/play/{HARBOUR}/deliveries").text
        assert "5 deliveries" in page
        assert "(unsigned)" in page
        assert "held back" in world.page(f"/play/{HARBOUR}/mischief", {"what": "pause"}).text


def test_starting_afresh_needs_the_box_and_keeps_the_webhook(world: World) -> None:
    create(world)
    world.control("/webhooks", {"location_id": HARBOUR, "url": "http://127.0.0.1:9/x", "secret": "s"})
    assert world.page("/play/reset", {}).status_code == 422
    assert "are gone" in world.page("/play/reset", {"sure": "1"}).text
    assert world.control("/books")["locations"][0]["invoices"] == []
    assert len(world.control("/webhooks")["webhooks"]) == 1


class Outline(HTMLParser):
    """Collects what a screen reader needs: labels, ids, headings, captions."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: set[str] = set()
        self.ids: list[str] = []
        self.controls: list[str] = []
        self.tags: list[str] = []
        self.inside_label = False
        self.bare: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        if tag == "label":
            self.inside_label = True
            self.labels |= {found.get("for", "")}
        if tag in ("input", "select", "textarea") and found.get("type") != "hidden" and not self.inside_label:
            self.controls.append(found.get("id", f"{tag} without id"))

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self.inside_label = False


def test_every_page_labels_its_fields_and_says_that_it_is_not_the_real_one(world: World) -> None:
    with_payment = create(world)
    world.page(f"{with_payment}/pay", {"amount": "10"})
    pages = ["/", f"/?location={KAURI}", f"/play/{HARBOUR}/new", with_payment, f"{with_payment}/edit"]
    for path in [*pages, f"/play/{HARBOUR}/deliveries", f"/play/{HARBOUR}/webhook"]:
        text = world.page(path).text
        outline = Outline()
        outline.feed(text)
        assert "Stand-in for HoopAI - not the real one" in text
        assert set(outline.controls) <= outline.labels, path
        assert len(outline.ids) == len(set(outline.ids)), path
        assert outline.tags.count("h1") == 1
        assert outline.tags.count("caption") == outline.tags.count("table")
        assert re.search(r"<html lang=\"en\">", text)
        assert "<script" not in text


def test_the_program_serves_both_stand_ins_and_stops_at_once(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--data", str(tmp_path / "data")]
    with running(command, tmp_path / "log") as process:
        wait_for_web(port, "/healthz")
        front = requests.get(f"http://localhost:{port}/", timeout=5).text
        assert 'href="/hoopai/"' in front
        assert 'href="/xero/"' in front
        assert requests.get(f"http://localhost:{port}/static/sandbox.css", timeout=5).status_code == 200
        assert "Harbour Studio" in requests.get(f"http://localhost:{port}/hoopai/", timeout=5).text
        with running([*command[:-2], "--data", str(tmp_path / "other")], tmp_path / "second") as second:
            assert second.wait(20) == 2
        assert "can't start" in (tmp_path / "second").read_text()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0
