"""One table of what can be wrong: kind → what it is called, what it means, who mends it, with which button."""

from dataclasses import dataclass
from enum import StrEnum

from portal.models import Failure


class Owner(StrEnum):
    """Who has to act."""

    NOBODY = "Nobody; we try again by ourselves"
    YOU = "You"
    BOOKKEEPER = "Your bookkeeper, in Xero"
    US = "Us"


@dataclass(frozen=True, slots=True)
class Advice:
    """How a problem is spoken of and mended. `endpoint` is a page of the portal, `label` its button."""

    title: str
    meaning: str
    owner: Owner
    label: str | None = None
    endpoint: str | None = None


KINDS: dict[Failure, Advice] = {
    Failure.BUSY: Advice("Xero is busy", "It goes out at the next try; nothing is lost.", Owner.NOBODY),
    Failure.LIMIT: Advice(
        "Today's calls to Xero are used", "It goes out when Xero's counter starts again.", Owner.NOBODY
    ),
    Failure.UNSURE: Advice(
        "No answer came from Xero", "We look into Xero before anything is sent again.", Owner.NOBODY
    ),
    Failure.DISCONNECTED: Advice(
        "Xero has signed us out",
        "Nothing is sent until somebody reconnects; everything that waits is kept.",
        Owner.YOU,
        "Reconnect",
        "connections.panel",
    ),
    Failure.MAPPING: Advice(
        "An account or tax rate is not chosen",
        "These documents wait and go out by themselves once it is chosen.",
        Owner.YOU,
        "Choose",
        "mappings.index",
    ),
    Failure.REFUSED: Advice(
        "Xero does not take it as it is",
        "It stays out of Xero until the cause is mended and it is retried.",
        Owner.BOOKKEEPER,
    ),
    Failure.CONFLICT: Advice(
        "Something not made by HoopAI is already in Xero",
        "We never overwrite it. Decide which one is right.",
        Owner.YOU,
    ),
    Failure.BUG: Advice(
        "Something broke on our side", "A retry looks into Xero first, so nothing is doubled.", Owner.US
    ),
}
# What a cause's first word narrows down; the rest of the advice is the kind's.
CAUSES: dict[str, Advice] = {
    "category": Advice(
        "No account is chosen for a category", KINDS[Failure.MAPPING].meaning, Owner.YOU, "Choose the account",
        "mappings.index",
    ),
    "tax": Advice(
        "A tax has no fitting rate in Xero", KINDS[Failure.MAPPING].meaning, Owner.YOU, "Choose the tax rate",
        "mappings.index",
    ),
    "payment": Advice(
        "No account is chosen for payments", "The invoices are in Xero; their payments wait.", Owner.YOU,
        "Choose the payment account", "mappings.index",
    ),
    "account": Advice(
        "A chosen account can no longer be used", KINDS[Failure.MAPPING].meaning, Owner.YOU,
        "Choose another account", "mappings.index",
    ),
    "lock": Advice(
        "The books are locked for these dates",
        "Xero takes nothing dated in a locked period. Retry after the lock date was moved.",
        Owner.BOOKKEEPER,
    ),
    "approvals": Advice(
        "The Xero plan approves no more invoices this month",
        "Change the plan in Xero, or have them sent as drafts for your bookkeeper. Else they go next month.",
        Owner.YOU, "Send them as drafts", "sync_options.index",
    ),
    "currency": Advice(
        "A currency is not switched on in Xero", "Retry after the currency was added in Xero.", Owner.BOOKKEEPER
    ),
    "invoice": Advice(
        "The invoice in HoopAI is not complete", "Correct it in HoopAI; the change brings it here again.", Owner.YOU
    ),
    "number": Advice(
        "A number is taken in Xero",
        "We never overwrite it. Decide on the invoice's page: link the two, send ours with a suffix, or not at all.",
        Owner.YOU,
    ),
    "contact": Advice(
        "A customer needs a decision", "Its invoices wait until it is known which contact in Xero is meant.",
        Owner.YOU, "Review contacts", "contacts.index",
    ),
    "payments": Advice(
        "Payments are in the way of a void",
        "Have them deleted on the invoice's page, leave the invoice as it is in Xero, or delete them there and retry.",
        Owner.YOU,
    ),
    "paid": Advice(
        "An edit touches amounts that are paid",
        "Xero changes no amounts of a paid invoice. Delete the payments in Xero and retry, or do not send it.",
        Owner.BOOKKEEPER,
    ),
    "refund": Advice(
        "A refund that HoopAI counts as owed again", "Enter it in Xero by hand, then do not send it.", Owner.BOOKKEEPER
    ),
    "ended": Advice(
        "An invoice was voided in Xero", "HoopAI still counts on it. Settle it in both by hand.", Owner.BOOKKEEPER
    ),
    "gone": Advice(
        "An invoice is no longer in Xero", "Somebody removed it there. Do not send the change, or ask them.",
        Owner.BOOKKEEPER,
    ),
    "connection": KINDS[Failure.DISCONNECTED],
}  # fmt: skip


def advice(failure: Failure | str | None, cause: str | None = None) -> Advice:
    """What to say and do about a push that waits or is blocked."""
    word = (cause or "").partition(":")[0]
    kind = Failure(failure) if failure else Failure.BUG
    return CAUSES.get(word, KINDS[kind])
