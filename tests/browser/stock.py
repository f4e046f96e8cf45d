"""Locations in every state, and documents in every state, for looking at pages."""

from dataclasses import dataclass

from tests.support.hoop import GST, Hoop, line
from tests.support.house import AGENCY, HARBOUR, House
from tests.support.servers import wait_until
from tests.support.visitor import Visitor

NEVER, ATTENTION, ENDED = "locNeverConnected0001", "locNeedsAttention0001", "locDisconnected000001"
LEVY = "66e0aa00bb11cc22dd33ee46"


@dataclass(frozen=True)
class Stock:
    """Hoop ids of invoices: one that is paid, one that waits for a mapping, one with a fee that nothing explains.

    And the ids of a payment above what is owed in Xero, of one that is there, and of money given back.
    """

    paid: str
    blocked: str
    unexplained: str
    surplus: int
    payment: int
    refund: int


def locations(house: House) -> None:
    """Three more locations: one never connected, one that Xero has thrown out, one disconnected."""
    for location, name, zone in (
        (NEVER, "Bluegum Bakery", "Australia/Hobart"),
        (ATTENTION, "Thames Tailors", "Europe/London"),
        (ENDED, "Wharf Woodworks", "Europe/London"),
    ):
        house.flask("locations", "add", location, name, "--agency", AGENCY, "--timezone", zone)
    visitor = Visitor(house)
    visitor.sign_in()
    assert "is connected" in visitor.connect(ENDED, "tom", "GB")
    settings = house.page(ENDED, "settings/integrations/xero/disconnect")
    visitor.post(settings, visitor.read(settings))
    assert "is connected" in visitor.connect(ATTENTION, "tom", "GB")
    house.xero.remove_app(house.xero.tenant("GB"))
    settings = house.page(ATTENTION, "settings/integrations/xero")
    visitor.post(f"{settings}/test", visitor.read(settings))


def documents(house: House) -> Stock:
    """Harbour Studio, connected and mapped, with invoices sent, half paid, paid, voided, and waiting for a person."""
    visitor, hoop = Visitor(house), house.hoop(HARBOUR)
    visitor.sign_in()
    if "Connect to Xero" in visitor.read(house.page(HARBOUR, "settings/integrations")):
        visitor.connect(HARBOUR, "mia", "AU")
        visitor.map(
            HARBOUR,
            revenue=("default:account", "200 "),
            tax=("tax:rate:10", "GST on Income"),
            payments=("payment:default", "090 "),
        )
    paid = _bill(hoop, "Lantern Foods", ("Care plan", "150", "2", GST), ("Workshop", "200", "1", GST))
    half = _bill(hoop, "Juniper Yoga", ("Monthly retainer", "1500", "1", GST))
    _bill(hoop, "Cobalt Cycles", ("Brand workshop", "400", "2", GST))
    void = _bill(hoop, "Cobalt Cycles", ("Printed style guide", "45.50", "3", GST))
    returned = _bill(hoop, "Cobalt Cycles", ("Care plan", "90", "1", GST))
    _settled(house, hoop)
    visitor.map(
        HARBOUR,
        retainers=("category:name:monthly retainer", "215 "),
        workshop=("category:name:workshop", "205 "),
        brand=("category:name:brand workshop", "205 "),
    )
    hoop.act(paid, "pay", amount="275", method="card", provider="stripe")
    hoop.act(paid, "pay", method="cash")
    hoop.act(half, "pay", amount="800", method="card", provider="stripe")
    hoop.act(void, "void")
    hoop.act(returned, "pay", method="card", provider="stripe")
    blocked = _bill(hoop, "Juniper Yoga", ("Venue", "1200", "1", LEVY))
    unexplained = _bill(hoop, "Juniper Yoga", ("Venue", "300", "1", GST), late_fee="25")
    _settled(house, hoop)
    _typed_in(house, half, 600)
    hoop.act(half, "pay", method="card", provider="stripe")
    _settled(house, hoop)
    _given_back(house, visitor, hoop, returned)
    pushes = "SELECT document_id FROM pushes WHERE document = '{}' AND state = '{}' ORDER BY id LIMIT 1"
    surplus, payment, refund = (
        house.query(pushes.format(*each))[0][0]
        for each in (("payment", "blocked"), ("payment", "sent"), ("refund", "sent"))
    )
    return Stock(paid, blocked, unexplained, surplus, payment, refund)


def _given_back(house: House, visitor: Visitor, hoop: Hoop, invoice: str) -> None:
    """A part of an invoice's payment goes back, which only a token tells; it is forgotten afterwards."""
    url = house.page(HARBOUR, "settings/integrations/hoopai")
    visitor.post(f"{url}/token", visitor.read(url), token=hoop.token())
    hoop.act(invoice, "refund", amount="33")
    visitor.post(f"{url}/catch-up", visitor.read(url))
    refunds = "SELECT count(*) FROM pushes WHERE document = 'refund' AND state = 'sent'"
    wait_until(lambda: house.query(refunds)[0][0], 40, "the refund in Xero")
    visitor.post(f"{url}/token/forget", visitor.read(url))


def _typed_in(house: House, hoop_id: str, amount: int) -> None:
    """A bookkeeper enters a payment of the invoice by hand."""
    tenant = house.xero.tenant("AU")
    ((invoice,),) = house.query(
        "SELECT xero_id FROM links JOIN invoices ON invoices.id = document_id "
        f"WHERE document = 'invoice' AND invoices.hoop_id = '{hoop_id}'"
    )
    paid = {"Account": {"Code": "090"}, "Date": "2026-11-20", "Amount": amount}
    house.xero.type_in(tenant, "Payments", {"Invoice": {"InvoiceID": invoice}, **paid})


def _bill(hoop: Hoop, company: str, *lines: tuple[str, str, str, str], **more: str) -> str:
    person = {
        "Lantern Foods": "Mira Okafor",
        "Juniper Yoga": "Dana Whitlock",
        "Cobalt Cycles": "Theo Marchetti",
    }
    contact = {
        "name": person[company],
        "companyName": company,
        "email": f"{person[company].split()[0].lower()}@{company.split()[0].lower()}.example",
    }
    return str(hoop.create(*(line(*each) for each in lines), contact=contact, **more)["_id"])


def _settled(house: House, hoop: Hoop) -> None:
    pushes = "SELECT count(*) FROM pushes WHERE state IN ('queued', 'sending', 'waiting')"
    deliveries = "SELECT count(*) FROM inbound_events WHERE state = 'received'"
    wait_until(hoop.idle, 20, "HoopAI's deliveries")
    for question in (deliveries, pushes):
        wait_until(lambda asked=question: not house.query(asked)[0][0], 30, f"none of {question}")
