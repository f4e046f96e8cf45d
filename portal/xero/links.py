"""Addresses that open a document in Xero for a person (developer.xero.com, Deep linking).

Following one switches the reader to that organisation and needs access to it.
"""

from __future__ import annotations

from urllib.parse import quote

_BASE = "https://go.xero.com/organisationlogin/default.aspx"


def invoice_url(short_code: str, invoice_id: str) -> str:
    """Where a sales invoice opens."""
    return _to(short_code, f"/AccountsReceivable/View.aspx?InvoiceID={invoice_id}")


def credit_note_url(short_code: str, credit_note_id: str) -> str:
    """Where a sales credit note opens."""
    return _to(short_code, f"/AccountsReceivable/ViewCreditNote.aspx?creditNoteID={credit_note_id}")


def contact_url(short_code: str, contact_id: str) -> str:
    """Where a contact opens."""
    return _to(short_code, f"/Contacts/View/{contact_id}")


def _to(short_code: str, inner: str) -> str:
    return f"{_BASE}?shortcode={quote(short_code, safe='!')}&redirecturl={quote(inner, safe='')}"
