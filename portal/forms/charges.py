"""What a person says of the part of a total that no line explains."""

from decimal import Decimal, InvalidOperation

from werkzeug.datastructures import MultiDict

from portal.services.charges_in import Charge


def charge(form: MultiDict[str, str]) -> Charge | None:
    """The kind of charge that was chosen, None for none or nonsense."""
    chosen = form.get("charge", "")
    return Charge(chosen) if chosen in set(Charge) else None


def amount(form: MultiDict[str, str]) -> Decimal:
    """The amount that the page showed; 0 where it is none."""
    try:
        shown = Decimal(form.get("amount", ""))
    except InvalidOperation:
        return Decimal(0)
    return shown if shown.is_finite() else Decimal(0)
