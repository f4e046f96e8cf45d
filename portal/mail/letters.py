"""A letter as every mail program reads it: plain text, with HTML as the alternative."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

# A folded or encoded address in List-Unsubscribe is one that some mail programs do not find.
WIDE = SMTP.clone(max_line_length=900)


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter to one person. `key` makes its Message-ID, the same however often it is sent.

    `unsubscribe` is the address that ends such letters with one POST (RFC 8058), None for those one has asked for.
    """

    key: str
    to: str
    subject: str
    text: str
    html: str
    written_at: datetime
    unsubscribe: str | None = None


def composed(letter: Letter, sender: str, name: str) -> EmailMessage:
    """The letter with its headers. Raises ValueError where an address or the subject cannot stand in a header."""
    message = EmailMessage(WIDE)
    message["From"] = Address(name, addr_spec=sender)
    message["To"] = Address(addr_spec=letter.to)
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = format_datetime(letter.written_at)
    message["Message-ID"] = f"<{letter.key}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if letter.unsubscribe:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message
