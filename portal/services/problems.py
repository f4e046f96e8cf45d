"""One table of what can be wrong: kind → what it is called, what it means, who mends it, with which button.

List, page, e-mail and API all take their words from `advice`. What Xero itself has said is found in the table of its
known messages (`portal/xero/message_table.py`) by its code.
"""

from dataclasses import dataclass
from enum import StrEnum

from portal.models import Failure
from portal.xero import messages


class Owner(StrEnum):
    """Who has to act."""

    NOBODY = "Nobody; we try again by ourselves"
    YOU = "You"
    BOOKKEEPER = "Your bookkeeper, in Xero"
    US = "The portal's operator"


@dataclass(frozen=True, slots=True)
class Advice:
    """How a problem is spoken of and mended. `endpoint` is a page of the portal, `label` its button.

    `fix` is the next step in words where it is not in `meaning`. `code` names the known message of Xero that caused it.
    """

    title: str
    meaning: str
    owner: Owner
    label: str | None = None
    endpoint: str | None = None
    fix: str = ""
    code: str | None = None


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
# What a cause, or its first word, narrows down; the rest of the advice is the kind's.
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
    "tracking": Advice(
        "A tracking option can no longer be used", KINDS[Failure.MAPPING].meaning, Owner.YOU,
        "Choose another option", "mappings.index",
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
    "invoice:total": Advice(
        "HoopAI's total is not what its lines make",
        "Where it is more, say on the invoice's page what the rest is: a late fee, a tip, a charge. Else correct it in "
        "HoopAI.",
        Owner.YOU,
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
    "surplus": Advice(
        "More was paid than Xero counts as owed",
        "Decide on the payment's page: record the rest as an overpayment, only what is owed, or nothing.",
        Owner.YOU,
    ),
    "overpayment": Advice(
        "An overpayment was taken back in HoopAI", "Remove it in Xero by hand, then do not send this.",
        Owner.BOOKKEEPER,
    ),
    "scope": Advice(
        "A permission for overpayments is missing",
        "The payment is in Xero; what was paid above it waits. Decide on the payment's page and reconnect.",
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


CODES = frozenset(messages.ALL)
OWNERS = {messages.YOU: Owner.YOU, messages.BOOKKEEPER: Owner.BOOKKEEPER, messages.US: Owner.US}
UNKNOWN = Advice(
    "Xero refuses it with a message that is not known to us yet",
    "It stays out of Xero until the cause is mended and it is retried. Xero's own words say what is wrong.",
    Owner.BOOKKEEPER,
)
# What a cause names that only one document has: such causes are told together, though each is mended alone.
SINGLE = frozenset(
    ["number", "contact", "payments", "paid", "surplus", "overpayment", "refund", "ended", "gone"]
)


def advice(failure: Failure | str | None, cause: str | None = None) -> Advice:
    """What to say and do about a push that waits or is blocked."""
    word = (cause or "").partition(":")[0]
    if word in messages.ALL:
        return _of_message(messages.ALL[word])
    if word == "xero":
        return UNKNOWN
    kind = Failure(failure) if failure else Failure.BUG
    return CAUSES.get(cause or "", CAUSES.get(word, KINDS[kind]))


def handbook() -> list[messages.Known]:
    """Every message of Xero's that is known, in the order of the codes."""
    return list(messages.ALL.values())


def code_of(text: str | None) -> str | None:
    """The code of the known message of Xero that a text holds, None for one not known to us."""
    known = messages.explain(text or "")
    return known.code if known else None


def group_of(cause: str | None, message: str | None = None) -> str:
    """What documents with this cause have in common: those of one key are mended by one act, or one kind of act."""
    word, _, rest = (cause or "").partition(":")
    if word in messages.ALL:
        known = messages.explain(rest)
        return f"{word}:{known.subject or ''}" if known and known.code == word else f"{word}:"
    if word in SINGLE:
        return f"{word}:"
    return cause or f"message:{message or ''}"


def _of_message(known: messages.Known) -> Advice:
    label, endpoint = _BUTTONS.get(known.kind, (None, None))
    return Advice(
        known.sentence.rstrip("."), known.why, OWNERS[known.who], label, endpoint, known.next_step, known.code
    )


_BUTTONS = {
    "mapping": ("Choose another", "mappings.index"),
    "disconnected": ("Reconnect", "connections.panel"),
}
