"""Why is invoice 1042 not in Xero? A definite sentence for every case; the usual questions; details for support."""

from decimal import Decimal

import pytest
import simplejson
from flask import Flask

from portal import clock
from portal.models import (
    Attempt,
    CatchUp,
    Connection,
    ConnectionState,
    Document,
    EventState,
    Failure,
    InboundEvent,
    Invoice,
    InvoiceStatus,
    Link,
    Push,
    PushState,
    Source,
)
from portal.services import (
    answers,
    diagnosing,
    following,
    heartbeats,
    mappings,
    retrying,
    runs,
    support,
    troubleshooting,
)
from portal.services.problems import Owner
from portal.services.unit import release, transaction
from tests.portal.views import builders
from tests.portal.views.builders import OTHER, SALES, Plan
from tests.support import portal
from tests.support.portal import HARBOUR

S, F = PushState, Failure
PLANS = (
    Plan("sent", InvoiceStatus.PAID, S.SENT, paid=True),
    Plan("sending", state=S.SENDING),
    Plan("unsure", state=S.WAITING, failure=F.UNSURE, message="No answer came."),
    Plan("limit", state=S.WAITING, failure=F.LIMIT, message="Today's calls to Xero are used up."),
    Plan("blocked", state=S.BLOCKED, failure=F.MAPPING, cause="category:product:workshop", message="No account."),
    Plan("known", state=S.BLOCKED, failure=F.REFUSED, cause="XH013:Due date cannot be empty.", message="No due date."),
    Plan("unknown", state=S.BLOCKED, failure=F.REFUSED, cause="xero:The moon", message="Xero said: The moon"),
    Plan("old", state=S.SKIPPED, message=following.BEFORE),
    Plan("test", state=S.SKIPPED, message=following.TEST_MODE),
    Plan("draft", InvoiceStatus.DRAFT, S.SKIPPED, message=following.TOO_EARLY[next(iter(following.TOO_EARLY))]),
    Plan("voided", InvoiceStatus.VOID, S.CANCELLED, message=following.VOIDED_FIRST),
    Plan("queued", state=S.QUEUED),
    Plan("twice", state=S.QUEUED),
    Plan("TWICE", state=S.SKIPPED, message=following.BEFORE),
)  # fmt: skip


@pytest.fixture
def where(ground: Flask) -> Flask:
    location_id = builders.connect(HARBOUR)
    builders.fill(location_id, PLANS)
    return ground


def said(number: str) -> answers.Answer:
    found = answers.why(portal.location(), number)
    assert len(found) == 1, number
    return found[0]


def test_each_case_has_one_definite_sentence_and_who_acts(where: Flask, subtests: pytest.Subtests) -> None:
    cases = {
        "sent": ("is in Xero: paid.", None),
        "sending": ("is being sent at this moment.", Owner.NOBODY),
        "unsure": ("may be in Xero: no answer came, and it is being looked up there.", Owner.NOBODY),
        "limit": ("Today's calls to Xero are used up.", Owner.NOBODY),
        "blocked": ("is stopped. No account.", Owner.YOU),
        "known": ("is stopped. No due date.", Owner.YOU),
        "unknown": ("Xero said: The moon", Owner.BOOKKEEPER),
        "old": ("before the cut-off of", Owner.YOU),
        "test": ("is a test-mode invoice.", None),
        "draft": ("A draft; it goes to Xero once HoopAI has sent it.", Owner.YOU),
        "voided": ("was voided or deleted in HoopAI before it was sent.", None),
        "queued": ("It waits for contact Lantern Foods", Owner.NOBODY),
        "nowhere": ("HoopAI has not told us of an invoice nowhere.", Owner.YOU),
    }
    for number, (sentence, owner) in cases.items():
        with subtests.test(number):
            answer = said(number)
            assert sentence in answer.sentence
            assert answer.owner == owner
    assert said("#sent").url
    assert said("known").code == "XH013"
    assert said("old").endpoint == "cutoff.index"
    assert said("sen").near, "numbers that may have been meant"
    assert answers.why(portal.location(), " # ") == []


def test_several_invoices_of_one_number_are_all_answered(where: Flask) -> None:
    assert len(answers.why(portal.location(), "tWiCe")) == 2
    assert len(answers.why(portal.location(), "twice")) == 1, "the exact one where there is one"


def test_what_becomes_of_the_connection_and_of_links_changes_the_answer(where: Flask) -> None:
    location = portal.location()
    with transaction() as session:
        connection = session.query(Connection).one()
        connection.state, connection.reason = ConnectionState.ATTENTION, "Xero has signed us out."
        sent = session.query(Invoice).filter_by(number="sent").one()
        session.query(Link).filter_by(document=Document.INVOICE, document_id=sent.id).update(
            {"xero_status": "VOIDED"}
        )
    assert "waits for the connection to Xero. Xero has signed us out." in said("queued").sentence
    assert said("sent").sentence == "Invoice sent was in Xero and is voided there."
    told = diagnosing.of(location, "connection")
    assert told.answer.startswith("Xero has signed us out.")
    assert (told.owner, told.endpoint) == (Owner.YOU, "connections.panel")
    with transaction() as session:
        session.query(Connection).one().tenant_id = "another"
    assert "connected to before" in said("sent").sentence


def test_a_delivery_that_could_not_be_used_is_named(where: Flask) -> None:
    location_id = portal.location().id
    with transaction() as session:
        source = session.query(Source).filter_by(location_id=location_id).one()
        for number, state, reason in (
            ("9001", EventState.QUARANTINED, "It belongs to location X, not to this one."),
            ("9002", EventState.BROKEN, "The invoice cannot be understood: no total"),
            ("9003", EventState.RECEIVED, None),
        ):
            session.add(
                InboundEvent(
                    source_id=source.id, location_id=location_id, dedupe=number, event="InvoiceCreate", state=state,
                    reason=reason, body=b'{"invoiceNumber": "%s"}' % number.encode(),
                )
            )  # fmt: skip
    assert "set aside. It belongs to location X" in said("9001").sentence
    assert "not understood. The invoice cannot" in said("9002").sentence
    assert "is being read" in said("9003").sentence
    assert said("9004").endpoint == "sources.index"
    with transaction() as session:
        session.query(Source).filter_by(location_id=location_id).one().last_delivery_at = clock.now()
        session.add(CatchUp(location_id=location_id, since=clock.now().date()))
    assert "catch-up" in said("9004").meaning


def test_causes_are_grouped_with_count_money_and_owner_and_retried_exactly(where: Flask) -> None:
    location, ana = portal.location(), portal.ana()
    found = {group.key: group for group in troubleshooting.groups(location)}
    assert set(found) == {"mapping|category:product:workshop", "refused|XH013:", "refused|xero:The moon"}
    known = found["refused|XH013:"]
    assert (known.count, known.money, known.advice.owner) == (1, {"AUD": Decimal(1305)}, Owner.YOU)
    assert [row.what for row in known.samples] == ["Invoice known"]
    run_id = troubleshooting.retry(location, ana.user, known.key)
    run = runs.one(location.id, run_id, "retry")  # type: ignore[arg-type]
    told = retrying.progress(run)
    assert (told.total, told.done, told.going, told.percent) == (1, 0, True, 0)
    assert "no worker of the portal is running" in told.now
    heartbeats.beat("worker:1", "worker")
    assert retrying.progress(run).now == "Sending to Harbour Studio Pty Ltd."
    assert {group.key for group in troubleshooting.groups(location)} == set(found) - {known.key}
    assert retrying.cancel(location, ana.user, run_id) == 1
    assert {group.key for group in troubleshooting.groups(location)} == set(found), "as it stood before"
    assert retrying.progress(run).sums == ("1 called off",)


def test_calling_off_a_retry_brings_no_cause_back_that_is_mended(where: Flask) -> None:
    location, ana = portal.location(), portal.ana()
    keys = {group.key for group in troubleshooting.groups(location)}
    unmapped = next(key for key in keys if key.startswith("mapping|"))
    run_id = troubleshooting.retry(location, ana.user, unmapped)
    mappings.save(location.id, ana.user, {(mappings.MappingKind.CATEGORY, "product:workshop"): OTHER})
    assert retrying.cancel(location, ana.user, run_id) == 0
    assert {group.key for group in troubleshooting.groups(location)} == keys - {unmapped}


def test_revenue_in_the_wrong_account_is_found_by_category_with_what_can_move_it(where: Flask) -> None:
    location, ana = portal.location(), portal.ana()
    with transaction() as session:
        link = session.query(Link).filter_by(document=Document.INVOICE).one()
        link.content = {"LineItems": [{"AccountCode": "200"}, {"AccountCode": "200"}]}
    mappings.save(location.id, ana.user, {
        (mappings.MappingKind.CATEGORY, "product:retainer"): SALES,
        (mappings.MappingKind.CATEGORY, "product:workshop"): OTHER,
    })  # fmt: skip
    told = diagnosing.of(location, "wrong-account")
    (row,) = told.miscoded
    assert (row.category, row.was, row.becomes) == ("Workshops", "200 – Sales", "260 – Workshops and other")
    assert (row.lines, row.invoices, row.by_hand) == (1, [("sent", "inv0")], False)
    assert row.save_id is not None
    assert "1 line of 1 invoice in Xero is in another account" in told.answer


def test_the_details_for_support_hold_ids_and_no_secret_and_nobodys_name(where: Flask) -> None:
    location = portal.location()
    with transaction() as session:
        source = session.query(Source).filter_by(location_id=location.id).one()
        source.api_token_sealed, source.refused_reason = "sealed-canary", "reason-canary"
        connection = session.query(Connection).one()
        connection.reason, connection.authorisation.tokens_sealed = "Paused by Ana Whitlock.", "tokens-canary"
        connection.authorisation.email, connection.authorisation.name = "mia@xero.example", "Mia Xero"
        invoice = session.query(Invoice).filter_by(number="unknown").one()
        invoice.contact.email, invoice.contact.phone = "mo@lantern.example", "+61 400 000"
        push = session.query(Push).filter_by(document=Document.INVOICE, document_id=invoice.id).one()
        session.add(Attempt(
            push_id=push.id, outcome="refused", http_status=400, correlation_id="corr-1", idempotency_key="key-1",
            message="Lantern Foods (mo@lantern.example) is odd, says Mo Reyes", request={"Token": "canary"},
        ))  # fmt: skip
        secrets = [source.secret_sealed, source.hook_token, "canary"]
        invoice_id = invoice.id
    found = support.bundle(location, "invoice", invoice_id, "refused|xero:The moon")
    texts = support.as_json(found) + support.as_text(found)
    people = [
        "Ana",
        "Whitlock",
        "Mia",
        "mia@",
        "Lantern",
        "Mo Reyes",
        "mo@lantern",
        "+61",
        "Harbour Studio Pty",
    ]
    assert [each for each in secrets + people if each in texts] == []
    kept = simplejson.loads(support.as_json(found))
    assert kept["document"]["invoice"]["number"] == "unknown"
    (attempt,) = [one for push in kept["document"]["pushes"] for one in push["attempts"]]
    assert (attempt["correlation_id"], attempt["xero_said"]) == (
        "corr-1",
        "[customer] [address] is odd, says [customer]",
    )
    assert [push["state"] for push in kept["problem"]] == ["blocked"]
    assert kept["location"]["hoop_id"] == HARBOUR
    assert "document.pushes.0.state: blocked" in support.as_text(found)
    release()
