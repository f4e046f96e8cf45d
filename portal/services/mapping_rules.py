"""What may be chosen for the mapping, and why not."""

from decimal import Decimal, InvalidOperation

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from portal.errors import ChooseAgain
from portal.models import HoopTax, MappingKind, TaxRate
from portal.services.mapping_book import ANY_TAX, NO_TAX_NAME, Choices, MappingBook, Target

NO_REVENUE = "is not a revenue account. Choose one of type revenue, sales or other income."
UNFIT = {
    MappingKind.PAYMENT: "takes no payments. Choose a bank account or one enabled for payments in Xero.",
    MappingKind.ROUNDING: "cannot take rounding lines: it needs a code and a tax rate of 0 %. Choose Xero's Rounding "
    "account, for instance.",
    MappingKind.CATEGORY: NO_REVENUE,
    MappingKind.DEFAULT: NO_REVENUE,
}


def taxes_of(location_id: int) -> Select[HoopTax]:
    """The taxes that HoopAI has used at a location."""
    return select(HoopTax).where(HoopTax.location_id == location_id)


def checked(session: Session, location_id: int, known: MappingBook, choices: Choices) -> dict[Target, str]:
    """The choices with codes turned into AccountIDs. Raises ChooseAgain naming each that cannot be used."""
    taxes = {tax.key: (tax.name, tax.rate) for tax in session.scalars(taxes_of(location_id))}
    codes = {account.code: account.account_id for account in known.accounts.values() if account.code}
    wanted: dict[Target, str] = {}
    refused: dict[str, str] = {}
    for (kind, key), value in choices.items():
        to = value.strip()
        to = to if kind == MappingKind.TAX or to in known.accounts else codes.get(to, to)
        wanted[kind, key] = to
        unchanged = to == known.chosen.get((kind, key), "")
        problem = None if unchanged or not to else _refusal(known, kind, to, taxes.get(key) or any_tax(key))
        if problem:
            refused[f"{kind}:{key}"] = problem
    if refused:
        count = len(refused)
        raise ChooseAgain(
            f"{count} choice{'s' if count > 1 else ''} cannot be used. Nothing was saved.", refused
        )
    return wanted


def any_tax(key: str) -> tuple[str, Decimal]:
    """Name and percentage that a key of the mapping itself stands for."""
    try:
        percent = Decimal(key.removeprefix(ANY_TAX)) if key.startswith(ANY_TAX) else Decimal(0)
    except InvalidOperation:
        percent = Decimal(0)
    return (f"Any tax of {percent:f} %" if percent else NO_TAX_NAME), percent


def _refusal(known: MappingBook, kind: MappingKind, to: str, tax: tuple[str, Decimal]) -> str | None:
    if kind == MappingKind.TAX:
        return _tax_refusal(known.rates.get(to), tax)
    account = known.accounts.get(to)
    if account is None:
        return "Xero has no such account. Choose one from the list."
    if not account.active:
        return f"{account.label} is archived in Xero. Choose another account."
    return None if known.fits(kind, account) else f"{account.label} {UNFIT[kind]}"


def _tax_refusal(rate: TaxRate | None, tax: tuple[str, Decimal]) -> str | None:
    if rate is None:
        return "Xero has no such tax rate. Choose one from the list."
    if not rate.usable:
        return f"{rate.name} cannot be used for sales in Xero. Choose another rate."
    name, percentage = tax
    if rate.rate != percentage:
        return (
            f"{name} is {percentage.normalize():f} % in HoopAI, but {rate.name} is {rate.rate.normalize():f} % "
            f"in Xero. Choose a rate of {percentage.normalize():f} %."
        )
    return None
