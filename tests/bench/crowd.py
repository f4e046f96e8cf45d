"""A grown portal for the benchmark of pages: 100 locations and as many invoices as asked, made by the database itself.

A fifth of everything belongs to the first location, which is the one that is looked at. Invoices lie over two years;
the oldest are from before the connection, of the newest some wait and some need a person.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection as Line
from sqlalchemy import Engine, Table, select, text
from sqlalchemy.orm import Session

from portal import clock
from portal.models import Authorisation, Base, Connection, ConnectionState, Location
from portal.services import agencies, demo
from portal.services.unit import release, transaction
from tests.portal.views import builders
from tests.support.portal import HARBOUR

LOCATIONS = 100
OTHERS = LOCATIONS - 1
ROUND = 5 * OTHERS
DAYS = 730
DAY = 86_400
TABLES = (
    "contacts", "invoices", "lines", "payments", "refunds", "pushes", "links", "attempts", "inbound_events",
)  # fmt: skip
STATE = """CASE WHEN {n} <= {count} / 25 THEN 'skipped'
    WHEN {n} > {count} - {count} / 200 THEN CASE {n} / 5 % 4
        WHEN 0 THEN 'blocked' WHEN 1 THEN 'queued' WHEN 2 THEN 'waiting' ELSE 'sent' END
    WHEN {n} / 5 % 400 = 3 THEN 'blocked' ELSE 'sent' END"""
PUSH = (
    "location_id, document, document_id, operation, revision, state, failure, cause, message, tries, looks,"
)
PUSH += " next_try_at, amount, currency, created_at, updated_at, settled_at, parent_document, parent_id"


class Crowd:
    """Writes the rows with set-wise statements that PostgreSQL and SQLite both understand."""

    def __init__(self, line: Line, invoices: int) -> None:
        self.line = line
        self.postgres = line.dialect.name == "postgresql"
        self.count = invoices
        self.contacts = ROUND * max(1, invoices // (10 * ROUND))
        self.now = int(clock.now().timestamp()) - 600
        self.scale = 1 if self.postgres else 10_000

    def fill(self) -> None:
        """Everything, in the order of its references."""
        self._documents()
        self._pushes()
        self._links()
        self._attempts()
        self._deliveries()

    def series(self, count: int) -> str:
        """A source of the numbers from 1 to `count`, named n."""
        if self.postgres:
            return f"generate_series(1, {count}) AS s(n)"
        return (
            f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) "
            "SELECT n FROM s) AS s"
        )

    def place(self, n: str = "n") -> str:
        """The location of a number: the first one has every fifth."""
        return f"CASE WHEN ({n} - 1) % 5 = 0 THEN 1 ELSE 2 + ({n} - 1) % {OTHERS} END"

    def moment(self, seconds: str) -> str:
        """A moment so many seconds after 1970."""
        if self.postgres:
            return f"to_timestamp({seconds})"
        return f"(strftime('%Y-%m-%d %H:%M:%S', {seconds}, 'unixepoch') || '.000000')"

    def day(self, seconds: str) -> str:
        """The calendar day of a moment."""
        return f"to_timestamp({seconds})::date" if self.postgres else f"date({seconds}, 'unixepoch')"

    def made(self, n: str = "n") -> str:
        """When number n was created, in seconds: evenly over two years, the last one now."""
        step = DAYS * DAY / self.count
        return f"CAST({self.now} - ({self.count} - {n}) * {step} AS INTEGER)"

    def money(self, n: str = "n") -> str:
        """The total of number n."""
        cents = f"({n} * 37 % 100000 + 1000)"
        return f"{cents} / 100.0" if self.postgres else f"{cents} * 100"

    def state(self, n: str = "n") -> str:
        """The state of number n's pushes."""
        return STATE.format(n=n, count=self.count)

    def put(self, table: str, columns: str, values: str, source: str, where: str = "") -> None:
        """INSERT … SELECT."""
        rest = f" WHERE {where}" if where else ""
        statement = f"INSERT INTO {table} ({columns}) SELECT {values} FROM {source}{rest}"
        self.line.execute(text(statement.replace(":", "\\:")))

    def _documents(self) -> None:
        hour = self.moment(self.made())
        self.put(
            "contacts", "id, location_id, hoop_id, name, company, email, updated_at",
            f"n, {self.place()}, 'con' || n, 'Person ' || n, CASE WHEN n % 3 = 0 THEN 'Company ' || n || ' Ltd' END, "
            f"'person' || n || '@example.com', {self.moment(str(self.now))}",
            self.series(self.contacts),
        )  # fmt: skip
        total = self.money()
        paid = f"CASE WHEN n % 10 < 8 THEN {total} ELSE 0 END"
        self.put(
            "invoices",
            "id, location_id, hoop_id, contact_id, number, status, live_mode, currency, total, amount_paid, amount_due,"
            " issue_date, due_date, created_at, updated_at, revision, content_hash, held",
            f"n, {self.place()}, 'inv' || n, 1 + (n - 1) % {self.contacts}, 'HS-' || n,"
            f" CASE WHEN n % 10 < 8 THEN 'paid' ELSE 'sent' END, {'true' if self.postgres else 1}, 'AUD',"
            f" {total}, {paid}, {total} - {paid}, {self.day(self.made())}, {self.day(self.made())}, {hour}, {hour}, 1,"
            f" 'hash', {'false' if self.postgres else 0}",
            self.series(self.count),
        )  # fmt: skip
        for position in (0, 1):
            self.put(
                "lines", "invoice_id, position, name, quantity, unit_amount, category_key, taxes, tax_key",
                f"n, {position}, 'Service', {self.scale}, {total} / 2, 'product:p' || (n % 40), '[]', 'none'",
                self.series(self.count),
            )  # fmt: skip
        self.put(
            "payments", "id, location_id, invoice_id, hoop_id, covers, amount, paid_to, paid_on, method, created_at",
            f"n, {self.place()}, n, 'txn' || n, '[]', {total}, {total}, {self.day(self.made())}, 'stripe', {hour}",
            self.series(self.count), "n % 10 < 8",
        )  # fmt: skip
        self.put(
            "refunds",
            "id, location_id, invoice_id, payment_id, hoop_id, amount, refunded_on, method, reduced, created_at",
            f"n, {self.place()}, n, n, 'txn' || n || '/1', {total}, {self.day(self.made())}, 'stripe',"
            f" {'false' if self.postgres else 0}, {hour}",
            self.series(self.count), "n % 200 = 106",
        )  # fmt: skip

    def _pushes(self) -> None:
        self._push("contact", "create", "'sent'", self.series(self.contacts), "NULL, NULL", "true", "NULL")
        source = self.series(self.count)
        after = f"'contact', 1 + (n - 1) % {self.contacts}"
        self._push("invoice", "create", self.state(), source, after, "true", self.money())
        follows = f"CASE WHEN ({self.state()}) IN ('sent', 'skipped') THEN ({self.state()}) ELSE 'queued' END"
        self._push("payment", "create", follows, source, "'invoice', n", "n % 10 < 8", self.money())
        self._push("credit_note", "create", follows, source, "'invoice', n", "n % 200 = 106", self.money())
        self._push("refund", "create", follows, source, "'credit_note', n", "n % 200 = 106", self.money())

    def _push(
        self, document: str, operation: str, state: str, source: str, parent: str, where: str, amount: str
    ) -> None:
        moved = self.moment(f"{self.made()} + n % 500")
        failure = "CASE state WHEN 'blocked' THEN CASE WHEN n % 2 = 0 THEN 'mapping' ELSE 'refused' END"
        failure += " WHEN 'waiting' THEN 'busy' END"
        cause = "CASE state WHEN 'blocked' THEN CASE WHEN n % 2 = 0 THEN 'category:product:p7' ELSE 'lock' END END"
        said = (
            "CASE state WHEN 'blocked' THEN 'It cannot be sent as it is.' WHEN 'waiting' THEN 'Xero is busy.'"
        )
        said += (
            " WHEN 'skipped' THEN 'Created before the connection to Xero; only later invoices are sent.' END"
        )
        later = f"CASE state WHEN 'waiting' THEN {self.moment(str(self.now + 3600))} END"
        done = f"CASE WHEN state IN ('sent', 'skipped') THEN {moved} END"
        self.put(
            "pushes", PUSH,
            f"{self.place()}, '{document}', n, '{operation}', 1, state, {failure}, {cause}, {said}, 0, 0, {later},"
            f" {amount}, 'AUD', {self.moment(self.made())}, {moved}, {done}, {parent}",
            f"(SELECT n, {state} AS state FROM {source} WHERE {where}) AS p",
        )  # fmt: skip

    def _links(self) -> None:
        tenant = f"CASE location_id WHEN 1 THEN '{builders.TENANT}' ELSE 'tenant-' || location_id END"
        hashed = "md5(document || document_id)"
        guid = f"substr({hashed}, 1, 8) || '-0000-4000-8000-' || substr({hashed}, 9, 12)"
        if not self.postgres:
            guid = (
                "printf('%08x-0000-4000-8000-%012x', document_id, unicode(document) * 1000000 + document_id)"
            )
        self.put(
            "links",
            "location_id, tenant_id, document, document_id, xero_id, xero_number, xero_status, xero_total, ours,"
            " sent_hash, linked_at",
            f"location_id, {tenant}, document, document_id, {guid},"
            " CASE document WHEN 'invoice' THEN 'HS-' || document_id END,"
            f" CASE document WHEN 'invoice' THEN 'PAID' WHEN 'payment' THEN 'AUTHORISED' END,"
            f" CASE document WHEN 'invoice' THEN amount END, {'true' if self.postgres else 1}, 'hash', updated_at",
            "pushes", "state = 'sent'",
        )  # fmt: skip

    def _attempts(self) -> None:
        said = (
            """'{"InvoiceNumber": "HS-' || document_id || '", "LineItems": [{"Description": "Service"}]}'"""
        )
        self.put(
            "attempts",
            "push_id, at, outcome, http_status, duration_ms, idempotency_key, correlation_id, request, answer",
            "id, updated_at, CASE state WHEN 'sent' THEN 'sent' ELSE 'refused' END, 200, 812, 'key-' || id,"
            " 'corr-' || id,"
            f" {said}, {said}",
            "pushes", "state IN ('sent', 'blocked')",
        )  # fmt: skip

    def _deliveries(self) -> None:
        body = "convert_to('{}', 'UTF8')" if self.postgres else "CAST('{}' AS BLOB)"
        self.put(
            "inbound_events",
            "source_id, location_id, dedupe, received_at, event, shape, hoop_id, body, state, applied_at",
            f"{self.place()}, {self.place()}, 'd' || n, {self.moment(self.made())}, 'InvoiceSent', 'envelope',"
            f" 'inv' || n, {body}, 'applied', {self.moment(self.made())}",
            self.series(self.count), "n % 5 = 1",
        )  # fmt: skip


def fill(engine: Engine, invoices: int) -> None:
    """Write it all without indexes and references in the way, then put the indexes back.

    PostgreSQL counts by itself in running, so it does here; SQLite is never told to, so its plans come without.
    """
    with _bare(engine), engine.begin() as line:
        Crowd(line, invoices).fill()
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as line:
            line.execute(text("VACUUM ANALYZE"))


def connect_all() -> None:
    """98 more locations beside the demo agency's two, all connected; the first one with a chart and a mapping."""
    agency = agencies.named(demo.AGENCY)
    for number in range(3, LOCATIONS + 1):
        agencies.add_location(agency, f"locCrowd{number:012}", f"Location {number:03}", "Australia/Sydney")
    builders.connect(HARBOUR)
    with transaction() as session:
        for location_id in session.scalars(select(Location.id).where(Location.id > 1)).all():
            session.add(_connection(session, location_id))
    release()


def _connection(session: Session, location_id: int) -> Connection:
    now = clock.now()
    permit = Authorisation(
        xero_user_id=f"user-{location_id}", tokens_sealed="", scopes=builders.SCOPES,
        expires_at=now + timedelta(minutes=20), refreshed_at=now,
    )  # fmt: skip
    session.add(permit)
    session.flush()
    return Connection(
        location_id=location_id, authorisation_id=permit.id, xero_connection_id="xc", tenant_id=f"tenant-{location_id}",
        state=ConnectionState.CONNECTED, cut_off=now - timedelta(days=700), last_success_at=now,
        organisation={"name": f"Organisation {location_id}", "short_code": "!1", "base_currency": "AUD"},
    )  # fmt: skip


@contextmanager
def _bare(engine: Engine) -> Iterator[None]:
    tables: list[Table] = [Base.metadata.tables[name] for name in TABLES]
    indexes = [index for table in tables for index in table.indexes]
    postgres = engine.dialect.name == "postgresql"
    with engine.begin() as line:
        for index in indexes:
            index.drop(line)
    if postgres:
        with engine.begin() as line:
            line.execute(text("ALTER ROLE postgres SET session_replication_role = replica"))
        engine.dispose()
    yield
    with engine.begin() as line:
        if postgres:
            line.execute(text("ALTER ROLE postgres RESET session_replication_role"))
            line.execute(text("SET maintenance_work_mem = '512MB'"))
        for index in indexes:
            index.create(line)
    engine.dispose()
