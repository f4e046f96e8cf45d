"""Anything in any order: what HoopAI's users, the agency and the bookkeeper do, and what goes wrong meanwhile.

After every step the books in Xero hold nothing twice; when all is mended and everything has come to rest they agree
with HoopAI's to the cent, but for what waits on the page for a person.
"""

import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from portal import clock, failpoints
from portal.errors import PortalError
from portal.extensions import db
from portal.models import Connection, ConnectionState, Location, MappingKind, PushState
from portal.services import (
    catching_up,
    connections,
    deciding,
    due,
    hoop_reader,
    leases,
    mappings,
    outbox,
)
from portal.services.unit import release
from tests.faults import agreement
from tests.faults.day import Day, day
from tests.faults.table import AT_XERO
from tests.support import portal
from tests.support.hoop import GST, line
from tests.support.proxy import TOXICS

D = Decimal
CONTACTS = ("Lantern Foods", "Cobalt Cycles", "Juniper Yoga")
PRICES = st.sampled_from(["1", "90", "350", "1200"])
CRASHES = (
    "after_apply", "after_lease", "after_prepare", "after_stamp", "before_send", "after_answer", "after_record",
    "before_resolve", "after_look",
)  # fmt: skip
PATHS = st.sampled_from(["Invoices", "Payments", "Contacts", "CreditNotes", ""])
ANY = st.integers(0, 99)


class AnyOrder(RuleBasedStateMachine):
    """One location's life. Invoices are named by their place in the order of making."""

    day: Day

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.day = self.stack.enter_context(day(portal.sqlite_url(Path(folder))))
        self.stage = self.day.stage
        self.made: list[str] = []
        self.people: list[str] = []
        self.stage.hoop.tell_of("Invoice", "Contact")
        self.most: dict[str, Decimal] = {}
        self.linked: set[str] = set()
        self.held = self.skipping = self.reading = False
        self.heard = 0

    # What HoopAI's users do

    @initialize(reading=st.booleans())
    def begin(self, reading: bool) -> None:
        """With or without an API token."""
        self.reading = reading
        if reading:
            hoop_reader.save_token(self.stage.location_id, self.stage.person.user, self.stage.hoop.token())
            release()

    @rule(price=PRICES, qty=st.sampled_from(["1", "3"]), send=st.booleans(), who=st.sampled_from(CONTACTS))
    def create(self, price: str, qty: str, send: bool, who: str) -> None:
        self._create(price, qty, who, send=send)

    @rule(which=ANY)
    def send(self, which: int) -> None:
        self._act(which, "send")

    @rule(which=ANY, price=PRICES, name=st.sampled_from(["Care plan", "Workshop"]))
    def edit(self, which: int, price: str, name: str) -> None:
        self._act(which, "edit", lines=[line(name, price, "2", GST)])

    @rule(which=ANY)
    def pay(self, which: int) -> None:
        self._act(which, "pay", method="card")

    @rule(which=ANY, amount=st.sampled_from(["5", "40", "99"]))
    def part_pay(self, which: int, amount: str) -> None:
        self._act(which, "pay", amount=amount, method="cash")

    @rule(which=ANY)
    def debit(self, which: int) -> None:
        self._act(which, "processing")

    @rule(which=ANY, verb=st.sampled_from(["clear", "fail"]))
    def debited(self, which: int, verb: str) -> None:
        self._act(which, verb)

    @precondition(lambda self: self.reading)
    @rule(which=ANY, amount=st.sampled_from(["", "10"]))
    def refund(self, which: int, amount: str) -> None:
        self._act(which, "refund", amount=amount)

    @rule(which=ANY, phone=st.sampled_from(["+61 2 5550 1234", "+61 2 5550 9876"]))
    def change_contact(self, which: int, phone: str) -> None:
        if self.people:
            self.stage.hoop.contact(id=self.people[which % len(self.people)], phone=phone)

    @rule(which=ANY, verb=st.sampled_from(["void", "delete"]))
    def end(self, which: int, verb: str) -> None:
        self._act(which, verb)

    @precondition(lambda self: self.made)
    @rule(out_of_order=st.booleans())
    def tell_again(self, out_of_order: bool) -> None:
        with suppress(AssertionError):
            self.stage.hoop.redeliver(times=2, out_of_order=out_of_order)

    @rule(backwards=st.booleans())
    def hold_or_let_go(self, backwards: bool) -> None:
        self.held = not self.held
        self.stage.hoop.hold(self.held, backwards=backwards)

    # What the agency and the bookkeeper do

    @rule(
        what=st.sampled_from(
            [(MappingKind.DEFAULT, "account", "200"), (MappingKind.PAYMENT, "default", "090")]
        ),
        chosen=st.booleans(),
    )
    def choose_account(self, what: tuple[MappingKind, str, str], chosen: bool) -> None:
        kind, key, code = what
        self._person(
            lambda user: mappings.save(self.stage.location_id, user, {(kind, key): code if chosen else ""})
        )

    @rule()
    def retry(self) -> None:
        self._person(lambda user: outbox.retry(self._pushes(PushState.BLOCKED), user, self.stage.location_id))

    @rule(which=ANY)
    def skip(self, which: int) -> None:
        ids = self._pushes(PushState.BLOCKED, PushState.WAITING)
        if ids:
            self.skipping = True
            chosen = [ids[which % len(ids)]]
            self._person(lambda user: outbox.skip(chosen, user, self.stage.location_id))

    @rule(verb=st.sampled_from([connections.pause, connections.resume, connections.disconnect]))
    def stop_or_go(self, verb: Callable[..., Any]) -> None:
        self._person(lambda user: verb(self.stage.location_id, user))

    @rule()
    def connect_again(self) -> None:
        self._connect()

    @rule(status=st.sampled_from(["ARCHIVED", "ACTIVE"]), read=st.booleans())
    def archive_or_restore(self, status: str, read: bool) -> None:
        self.stage.xero.change_account(self.stage.tenant_id, "200", Status=status)
        self._read_books(read)

    @rule(locked=st.booleans(), read=st.booleans())
    def lock_or_open(self, locked: bool, read: bool) -> None:
        until = (clock.now() + timedelta(days=2)).date().isoformat() if locked else None
        self.stage.xero.change(self.stage.tenant_id, period_lock_date=until)
        self._read_books(read)

    @rule(price=PRICES, who=st.sampled_from([*CONTACTS, "Somebody Else"]))
    def take_a_number(self, price: str, who: str) -> None:
        number = f"N-{len(self.made)}"
        row = {
            "Description": "By hand",
            "Quantity": 1,
            "UnitAmount": price,
            "AccountCode": "215",
            "TaxType": "OUTPUT",
        }
        day_ = clock.now().date().isoformat()
        document = {
            "Type": "ACCREC", "InvoiceNumber": number, "Contact": {"Name": who}, "LineItems": [row], "Date": day_,
            "DueDate": day_, "Status": "AUTHORISED", "LineAmountTypes": "Exclusive",
        }  # fmt: skip
        with suppress(AssertionError, OSError, ValueError):  # the fault may hit the bookkeeper
            self.stage.xero.type_in(self.stage.tenant_id, "Invoices", document)
        self._create(price, "1", CONTACTS[0], number=number)

    @rule(which=ANY, verb=st.sampled_from([deciding.link, deciding.add_suffix, deciding.delete_payments]))
    def decide(self, which: int, verb: Callable[..., Any]) -> None:
        if self.made:
            hoop_id = self.made[which % len(self.made)]
            location = db.session.get_one(Location, self.stage.location_id)
            done = self._person(lambda user: verb(location, hoop_id, user))
            if done and verb is deciding.link:
                self.linked.add(hoop_id)

    # What goes wrong

    @rule(kind=st.sampled_from(AT_XERO), method=st.sampled_from(["PUT", "POST", "GET", "*"]), path=PATHS)
    def xero_fails(self, kind: str, method: str, path: str) -> None:
        if kind == "late":
            self.day.late(path, method, 0.2)
        else:
            self.stage.xero.fault(kind, path, method=method, seconds=0.8 if kind.startswith("hang") else 0.1)

    @rule(toxic=st.sampled_from([each for each in TOXICS if each != "down"]), path=PATHS)
    def wire_fails(self, toxic: str, path: str) -> None:
        self.day.wire.spoil(toxic, path)

    @rule(down=st.booleans())
    def wire_down_or_up(self, down: bool) -> None:
        (self.day.wire.down if down else self.day.wire.up)()

    @rule()
    def valkey_forgets(self) -> None:
        self.day.redis.flushall()

    @rule(point=st.sampled_from(CRASHES), nth=st.integers(1, 3))
    def crash(self, point: str, nth: int) -> None:
        """The worker dies at this point, its lease is left behind."""
        passed: list[str] = []

        def here(name: str) -> None:
            passed.append(name)
            if passed.count(point) >= nth and name == point:
                raise failpoints.Tripped(name)

        with patch.object(failpoints, "here", here), patch.object(leases, "release", lambda *_: None):
            self.go_on()

    @rule(seconds=st.sampled_from([1, 10, 61, 190, 3700, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.day.pass_(seconds)

    # What the portal does

    @rule()
    def go_on(self) -> None:
        if not self.held:
            self.stage.heard()
        self.day.turns(3)

    @rule()
    def drain(self) -> None:
        self.day.job(due.DRAIN, self.stage.connection_id)

    @rule()
    def wait_and_go_on(self) -> None:
        self.day.jump()
        self.go_on()

    # What must be so

    @invariant()
    def all_is_well(self) -> None:
        """After every step."""
        agreement.nothing_is_twice(self.stage.books(), self.most)
        agreement.whatever_is_open_has_a_next_step(self.stage.location_id)
        self.quota_is_never_exceeded()

    def quota_is_never_exceeded(self) -> None:
        """Xero has refused nothing for its limits but where a fault made it."""
        calls = self.stage.xero.calls(since=self.heard)
        self.heard = max((int(call["n"]) for call in calls), default=self.heard)
        over = [call for call in calls if call["status"] == 429 and not call["fault"]]
        assert not over, over

    def teardown(self) -> None:
        """All is mended and everything comes to rest: then the two books are compared."""
        try:
            if sys.exc_info()[0] is None:
                self._come_to_rest()
                agreement.both_books_agree(self.day, linked=self.linked, skipping=self.skipping)
        finally:
            self.stack.close()

    def _come_to_rest(self) -> None:
        self.day.wire.heal()
        self.stage.xero.mend()
        self.stage.hoop.hold(False)
        self.stage.heard()
        self.stage.xero.change_account(self.stage.tenant_id, "200", Status="ACTIVE")
        self.stage.xero.change(self.stage.tenant_id, period_lock_date=None)
        self._connect()
        self._person(lambda user: connections.resume(self.stage.location_id, user))
        self._read_books(True)
        self.stage.map_all()
        release()
        if self.reading:
            with suppress(PortalError):
                catching_up.start(self.stage.location_id, self.stage.person.user)
        for _ in range(3):
            self._rest()
            self.retry()
            self._read_books(True)
        self._rest()

    def _rest(self) -> None:
        for _ in range(80):
            self.day.turns()
            if not self._busy():
                return
            self.day.jump()
        raise AssertionError(f"does not come to rest: {self.day.standing()}")

    def _busy(self) -> bool:
        """Whether anything is on its way that needs nobody; a queued push whose parent is blocked is not.

        What is queued may also wait for the connection's rest, whatever else is blocked.
        """
        release()
        waiting = self._pushes(PushState.SENDING, PushState.WAITING)
        blocked = self._pushes(PushState.BLOCKED, PushState.SKIPPED)
        queued = self._pushes(PushState.QUEUED)
        rests = bool(queued) and self.day.next_moment() is not None
        return bool(waiting) or bool(queued and not blocked) or rests or self.day.open_questions()

    def _create(self, price: str, qty: str, who: str, **more: Any) -> None:
        person = {
            "name": f"Mira {who}",
            "companyName": who,
            "email": f"{who.split()[0].lower()}@post.example",
        }
        made = self.stage.hoop.create(line("Care plan", price, qty, GST), contact=person, **more)
        self.made.append(made["_id"])
        self.people.append(made["contactDetails"]["id"])
        self.most[made["_id"]] = D(0)

    def _act(self, which: int, verb: str, **more: Any) -> None:
        """Where HoopAI does not allow it, nothing happens."""
        if self.made:
            hoop_id = self.made[which % len(self.made)]
            with suppress(AssertionError):
                after = self.stage.hoop.act(hoop_id, verb, **more)
                self.most[hoop_id] = max(self.most[hoop_id], D(after["amountPaid"]))

    def _person(self, act: Callable[[Any], Any]) -> bool:
        """A person presses a button; a refusal with a sentence is fine."""
        release()
        try:
            act(self.stage.person.user)
        except PortalError:
            return False
        finally:
            release()
        return True

    def _connect(self) -> None:
        row = db.session.get_one(Connection, self.stage.connection_id)
        gone = row.state in (ConnectionState.DISCONNECTED, ConnectionState.ATTENTION)
        release()
        if gone:
            with suppress(PortalError):
                portal.connect(portal.ana())  # who was signed in before may be signed out by now
            release()

    def _read_books(self, wanted: bool) -> None:
        if wanted:
            self.day.job("jobs.housekeeping.facts", self.stage.connection_id)

    def _pushes(self, *states: PushState) -> list[int]:
        return agreement.pushes(*states)
