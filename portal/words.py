"""States in words: each one an icon, a word and a colour, the same on every page."""

from typing import NamedTuple


class Look(NamedTuple):
    """How a state looks; the colour word goes with the classes `state-…`."""

    icon: str
    word: str
    tone: str


PUSHES = {
    "queued": Look("hourglass-split", "Waiting", "blue"),
    "sending": Look("arrow-up-circle-fill", "Sending", "blue"),
    "waiting": Look("hourglass-split", "Waiting", "blue"),
    "blocked": Look("exclamation-circle-fill", "Needs you", "amber"),
    "sent": Look("check-circle-fill", "Sent", "green"),
    "skipped": Look("dash-circle", "Not sent", "grey"),
    "cancelled": Look("dash-circle", "Cancelled", "grey"),
}
DOCUMENTS = {
    "contact": "Contact",
    "invoice": "Invoice",
    "payment": "Payment",
    "credit_note": "Credit note",
    "refund": "Refund",
}
DEEDS = {
    "create": "to be created",
    "update": "to be changed",
    "recode": "to be moved to another account",
    "void": "to be voided",
    "overpay": "to be recorded as an overpayment",
}
OPERATIONS = {
    "create": "create",
    "update": "change",
    "recode": "re-code",
    "void": "void",
    "overpay": "overpayment",
}
FOR_APPROVAL = ("DRAFT", "SUBMITTED")
ENDED = ("VOIDED", "DELETED")
WAITS_FOR_APPROVAL = "Waits for approval in Xero."
NOT_YET = Look("dash-circle", "Not yet", "grey")
CHECKING = Look("search", "Checking in Xero", "blue")
FAILED = Look("x-circle-fill", "Failed", "red")
STAGES = {
    "never": Look("circle", "Not connected", "grey"),
    "unmapped": Look("exclamation-circle-fill", "Mapping needed", "amber"),
    "live": Look("check-circle-fill", "Connected", "green"),
    "attention": Look("exclamation-circle-fill", "Needs attention", "amber"),
    "disconnected": Look("x-circle-fill", "Disconnected", "red"),
    "paused": Look("pause-circle-fill", "Paused", "blue"),
}
TILES = {
    "waiting": Look("hourglass-split", "Waiting", "blue"),
    "sending": Look("arrow-up-circle-fill", "Sending", "blue"),
    "needs-you": Look("exclamation-circle-fill", "Needs you", "amber"),
    "sent-today": Look("check-circle-fill", "Sent today", "green"),
    "not-sent": Look("dash-circle", "Not sent", "grey"),
    "all": Look("list-ul", "Everything", "grey"),
}
IN_HOOPAI = {
    "draft": "Draft",
    "sent": "Sent",
    "payment_processing": "Payment processing",
    "partially_paid": "Partially paid",
    "paid": "Paid",
    "void": "Void",
    "delete": "Deleted",
}
IN_XERO = {
    "DRAFT": "Draft",
    "SUBMITTED": "Awaiting approval",
    "AUTHORISED": "Awaiting payment",
    "PAID": "Paid",
    "VOIDED": "Voided",
    "DELETED": "Deleted",
}


def push_look(state: str | None, failure: str | None = None) -> Look:
    """How a push looks: its state, told more exactly where the failure says more."""
    if failure == "unsure" and state == "waiting":
        return CHECKING
    if failure == "bug" and state == "blocked":
        return FAILED
    return PUSHES.get(state or "", NOT_YET)
