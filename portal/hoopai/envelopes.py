"""What a delivery is about, in whichever of the documented shapes it came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from portal.hoopai import reading

EVENTS = frozenset(
    f"{noun}{verb}"
    for noun, verbs in {
        "Invoice": ("Create", "Update", "Sent", "PartiallyPaid", "Paid", "Void", "Delete"),
        "Contact": ("Create", "Update", "Delete", "TagUpdate", "DndUpdate"),
        "Order": ("Create", "StatusUpdate"),
        "Product": ("Create", "Update", "Delete"),
        "Price": ("Create", "Update", "Delete"),
        "Location": ("Create", "Update"),
    }.items()
    for verb in verbs
) | {"INSTALL", "UNINSTALL", "PLAN_CHANGE"}

_BY_STATUS = {
    "draft": "InvoiceUpdate",
    "sent": "InvoiceSent",
    "payment_processing": "InvoiceUpdate",
    "partially_paid": "InvoicePartiallyPaid",
    "paid": "InvoicePaid",
    "void": "InvoiceVoid",
    "delete": "InvoiceDelete",
    "deleted": "InvoiceDelete",
}
_DOTTED_VERBS = {
    "created": "create",
    "updated": "update",
    "deleted": "delete",
    "voided": "void",
    "partiallypaid": "partiallypaid",
    "statuschanged": "statusupdate",
    "statusupdated": "statusupdate",
    "installed": "install",
}
_BY_LETTERS = {name.replace("_", "").lower(): name for name in EVENTS}
WORKFLOW = (
    "This came from a Webhook action inside a workflow. Set the address up under Settings > Webhooks instead."
)
_WORKFLOW_SIGNS = ("customData", "workflow", "triggerData", "contact_id")


class NotJson(ValueError):
    """The body is not JSON."""


class NotAnEvent(ValueError):
    """JSON, but no delivery of HoopAI's. `reason` is a sentence for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Delivery:
    """One delivery, unwrapped.

    `event` is HoopAI's name for it (InvoicePaid), inferred from the status for bare invoices, None when a
    bare product or price does not say. An event this portal does not know keeps its own name. `location_id`
    is None only for events of an agency. `shape` is "flat", "sdk", "body", "data" or "bare". `payload` has
    exact numbers.
    """

    event: str | None
    location_id: str | None
    payload: dict[str, Any] = field(repr=False)
    webhook_id: str | None
    shape: str

    @property
    def document_id(self) -> str:
        """The id of the invoice, contact or other thing that it is about; empty where it has none."""
        return _id(self.payload) or ""

    @property
    def is_invoice(self) -> bool:
        """Whether this is about an invoice."""
        return (self.event or "").startswith("Invoice")


def read(body: bytes) -> Delivery:
    """Understand a delivery's body. Raises NotJson, or NotAnEvent with the reason.

    Shapes: flat with `type` and `locationId`; the same with HighLevel's app fields; nested under `body` or
    `data`; or the bare document (HoopAI and HighLevel, webhook event pages). A nested `body` wins over
    `data`.
    """
    root = _object(body)
    inner = next((name for name in ("body", "data") if isinstance(root.get(name), dict)), None)
    payload: dict[str, Any] = root[inner] if inner else root
    said = _name(root.get("type")) or (_name(payload.get("type")) if inner else None)
    _refuse_workflows(root, payload, said)
    event = said or _inferred(payload)
    if event is None and not _is_catalogue(payload):
        raise NotAnEvent("This is not an event this portal knows: it has no type and is no invoice.")
    return Delivery(
        event=event,
        location_id=_location(root, payload, event),
        payload=payload,
        webhook_id=_text(root.get("webhookId")) or _text(payload.get("webhookId")),
        shape=inner or _shape(root, said),
    )


def is_workflow(body: bytes) -> bool:
    """Whether the body looks like that of a Webhook action inside a workflow, which is never signed."""
    try:
        read(body)
    except NotAnEvent as found:
        return found.reason == WORKFLOW
    except NotJson:
        return False
    return False


def _object(body: bytes) -> dict[str, Any]:
    try:
        root = reading.load(body)
    except ValueError:
        raise NotJson("The body is not JSON.") from None
    if not isinstance(root, dict):
        raise NotAnEvent("The body is JSON, but not an object.")
    return root


def _name(value: Any) -> str | None:
    """The event's name in HoopAI's spelling; None for what is no event name, such as a price's own type."""
    if not isinstance(value, str) or not reading.clean(value):
        return None
    name = reading.clean(value)
    if name in EVENTS:
        return name
    words = name.replace("_", "").replace("-", "").lower().split(".")
    known = _BY_LETTERS.get("".join([*words[:-1], _DOTTED_VERBS.get(words[-1], words[-1])]))
    if known:
        return known
    looks_like_a_name = "." in name or (name[0].isupper() and name.isalnum() and not name.isupper())
    return name[:100] if looks_like_a_name else None


def _refuse_workflows(root: dict[str, Any], payload: dict[str, Any], said: str | None) -> None:
    if said in EVENTS or "altId" in payload:
        return
    if any(sign in root for sign in _WORKFLOW_SIGNS) and not root.get("webhookId"):
        raise NotAnEvent(WORKFLOW)


def _inferred(payload: dict[str, Any]) -> str | None:
    if not any(name in payload for name in ("invoiceNumber", "invoiceItems", "amountDue")) or not _id(
        payload
    ):
        return None
    status = payload.get("status")
    return (
        _BY_STATUS.get(status.strip().lower(), "InvoiceUpdate")
        if isinstance(status, str)
        else "InvoiceUpdate"
    )


def _is_catalogue(payload: dict[str, Any]) -> bool:
    is_product = "productType" in payload
    is_price = isinstance(payload.get("product"), str) and "amount" in payload
    return bool(_id(payload)) and "locationId" in payload and (is_product or is_price)


def _location(root: dict[str, Any], payload: dict[str, Any], event: str | None) -> str | None:
    alt = payload.get("altId") if payload.get("altType", "location") == "location" else None
    own = payload.get("id") if (event or "").startswith("Location") else None
    named = {_text(one) for one in (root.get("locationId"), payload.get("locationId"), alt, own)} - {None}
    if len(named) > 1:
        raise NotAnEvent("The delivery names two different locations.")
    return named.pop() if named else None


def _shape(root: dict[str, Any], said: str | None) -> str:
    if said is None:
        return "bare"
    return "sdk" if "appId" in root and "versionId" in root else "flat"


def _id(payload: dict[str, Any]) -> str | None:
    return _text(payload.get("_id")) or _text(payload.get("id"))


def _text(value: Any) -> str | None:
    return reading.clean(value) or None if isinstance(value, str) else None
