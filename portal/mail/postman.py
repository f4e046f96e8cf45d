"""Handing one letter to the mail server. An answer after which nobody can know is told as one to be tried again."""

import logging
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from portal.mail.routes import Route

SECONDS = 15
log = logging.getLogger(__name__)


class NotDelivered(Exception):
    """The server did not take the letter. `final` when trying again would not help."""

    def __init__(self, sentence: str, final: bool) -> None:
        super().__init__(sentence)
        self.final = final


def deliver(route: Route, message: EmailMessage) -> None:
    """Hand the letter over, or print it. Raises NotDelivered.

    A connection that breaks after the last byte leaves open whether it was taken; a second copy has the
    same Message-ID.
    """
    if route.prints:
        log.info(
            "mail.printed", extra={"to": message["To"], "subject": message["Subject"], "text": _text(message)}
        )
        return
    try:
        with _line(route) as line:
            line.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        raise NotDelivered(_told(code, words), 500 <= code < 600) from None
    except smtplib.SMTPAuthenticationError as error:
        raise NotDelivered(
            f"The mail server does not accept the user and password of MAIL_URL ({error.smtp_code}).", False
        ) from None
    except smtplib.SMTPResponseException as error:
        raise NotDelivered(_told(error.smtp_code, error.smtp_error), 500 <= error.smtp_code < 600) from None
    except smtplib.SMTPNotSupportedError as error:
        raise NotDelivered(f"The mail server cannot do what is needed: {error}", False) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(f"The mail server could not be reached ({type(error).__name__}).", False) from None


def reach(route: Route) -> None:
    """Go as far as signing in and hang up. Raises NotDelivered."""
    try:
        with _line(route) as line:
            line.noop()
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(
            f"{route.host}:{route.port} could not be reached ({type(error).__name__}).", False
        ) from None


@contextmanager
def _line(route: Route) -> Iterator[smtplib.SMTP]:
    """A line to the server: encrypted where it offers that, and always where a password goes over it."""
    context = ssl.create_default_context()
    if route.encrypted:
        line: smtplib.SMTP = smtplib.SMTP_SSL(route.host, route.port, timeout=SECONDS, context=context)
    else:
        line = smtplib.SMTP(route.host, route.port, timeout=SECONDS)
    with line:
        line.ehlo_or_helo_if_needed()
        if not route.encrypted and line.has_extn("starttls") and not route.near:
            line.starttls(context=context)
            line.ehlo()
        elif route.user and not route.encrypted and not route.near:
            raise smtplib.SMTPNotSupportedError(
                "it offers no STARTTLS, and a password is not sent in the clear."
            )
        if route.user:
            line.login(route.user, route.password)
        yield line


def _told(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"The mail server answered {code}: {' '.join(text.split())}"[:300]


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    return str(body.get_content()) if body is not None else ""
