"""One table of what can differ between HoopAI and Xero: kind → what it is called and what to do about it."""

from dataclasses import dataclass

from portal.models import DifferenceKind

AMISS = tuple(
    kind for kind in DifferenceKind if kind not in (DifferenceKind.WAITING, DifferenceKind.LEFT_OUT)
)


@dataclass(frozen=True, slots=True)
class Words:
    """How a difference is spoken of, and its next step. The portal itself never changes Xero because of one."""

    title: str
    next_step: str


WORDS: dict[DifferenceKind, Words] = {
    DifferenceKind.MISSING: Words("Missing in Xero", "Have it sent on the invoice's page."),
    DifferenceKind.BLOCKED: Words("Needs you", "Mend the cause, then it goes by itself."),
    DifferenceKind.GONE: Words(
        "No longer in Xero", "Somebody voided or deleted it there. Ask them, then settle it in HoopAI or in Xero."
    ),
    DifferenceKind.TOTAL: Words(
        "Amount differs", "Compare the two. Correct the one that is wrong; a change in HoopAI is sent again."
    ),
    DifferenceKind.STATUS: Words("Status differs", "Settle it in Xero, or in HoopAI, whichever is behind."),
    DifferenceKind.PAID: Words(
        "Paid differs",
        "Look at the payments in Xero: one was entered or removed there by hand.",
    ),
    DifferenceKind.DATE: Words("Date differs", "It was changed in Xero. Change it back there, or leave it."),
    DifferenceKind.CONTACT: Words(
        "Customer differs", "It was changed in Xero. Change it back there, or leave it."
    ),
    DifferenceKind.ACCOUNT: Words(
        "Account differs",
        "It was moved in Xero. Leave it, or move it back there; the mapping counts for new ones.",
    ),
    DifferenceKind.ONLY_XERO: Words(
        "Only in Xero", "It bears HoopAI's mark, and HoopAI has no such document. Void it in Xero if it is a double."
    ),
    DifferenceKind.WAITING: Words("On its way", "Nothing; it goes by itself."),
    DifferenceKind.LEFT_OUT: Words("Not sent", "Nothing, if that is right. The reason stands beside it."),
}  # fmt: skip
