"""What may be chosen for the mapping, and why not."""

from collections import Counter
from collections.abc import Mapping as Dict
from decimal import Decimal, InvalidOperation

from portal.errors import ChooseAgain
from portal.models import LedgerAccount, MappingKind, TaxRate
from portal.services import tracking
from portal.services.mapping_book import ANY_TAX, NO_TAX_NAME, Choices, MappingBook, Target

NO_LINES = "takes no invoice lines in Xero. Choose a revenue account."
UNFIT = {
    MappingKind.PAYMENT: "takes no payments. Choose a bank account or one enabled for payments in Xero.",
    MappingKind.ROUNDING: "cannot take rounding lines: it needs a code and a tax rate of 0 %. Choose Xero's Rounding "
    "account, for instance.",
    MappingKind.CATEGORY: NO_LINES,
    MappingKind.DEFAULT: NO_LINES,
}


def checked(known: MappingBook, choices: Choices) -> dict[Target, str]:
    """The choices with what was said turned into ids. Raises ChooseAgain naming each that cannot be used."""
    wanted = meant(known, choices)
    refused: dict[str, str] = {}
    for (kind, key), to in wanted.items():
        unchanged = to == known.chosen.get((kind, key), "")
        problem = None if unchanged or not to else _refusal(known, kind, key, to)
        if problem:
            refused[f"{kind}:{key}"] = problem
    if refused:
        count = len(refused)
        raise ChooseAgain(
            f"{count} choice{'s' if count > 1 else ''} cannot be used. Nothing was saved.", refused
        )
    return wanted


def meant(known: MappingBook, choices: Choices) -> dict[Target, str]:
    """The choices by ids: an account may be said by its id, code or label, an option by its id or name."""
    accounts = _accounts_by_word(known) if choices else {}
    return {target: _meant(known, target, value.strip(), accounts) for target, value in choices.items()}


def _accounts_by_word(known: MappingBook) -> dict[str, str]:
    """AccountIDs by code and by label, active ones before others; a name alone where only one account has it."""
    found: dict[str, str] = {}
    for account in sorted(known.accounts.values(), key=lambda each: each.active):
        found |= {word.casefold(): account.account_id for word in (account.code, account.label) if word}
    names = Counter(each.name.casefold() for each in known.accounts.values() if each.active)
    for account in known.accounts.values():
        if account.active and names[account.name.casefold()] == 1:
            found.setdefault(account.name.casefold(), account.account_id)
    return found


def _meant(known: MappingBook, target: Target, value: str, accounts: Dict[str, str]) -> str:
    kind, key = target
    if kind == MappingKind.TAX:
        return value
    if kind != MappingKind.TRACKING:
        return value if value in known.accounts else accounts.get(value.casefold(), value)
    group = tracking.of_key(key)[0]
    mine = [each for each in known.options.values() if each.tracking_id == group and each.usable]
    words = ((each.option_id, each.name.casefold(), each.label.casefold()) for each in mine)
    named = [option_id for option_id, *said in words if value.casefold() in said]
    return named[0] if len(named) == 1 and value not in known.options else value


def _option_refusal(known: MappingBook, key: str, to: str) -> str | None:
    tracking_id, _ = tracking.of_key(key)
    if tracking_id not in {each.tracking_id for each in known.trackings}:
        return "Xero has no such tracking category."
    option = known.options.get(to)
    if to == tracking.NO_OPTION:
        return None
    if option is None or option.tracking_id != tracking_id:
        return "Xero has no such option. Choose one from the list."
    return None if option.usable else f"{option.label} is archived in Xero. Choose another option."


def any_tax(key: str) -> tuple[str, Decimal]:
    """Name and percentage that a key of the mapping itself stands for."""
    try:
        percent = Decimal(key.removeprefix(ANY_TAX)) if key.startswith(ANY_TAX) else Decimal(0)
    except InvalidOperation:
        percent = Decimal(0)
    return (f"Any tax of {percent:f} %" if percent else NO_TAX_NAME), percent


def _refusal(known: MappingBook, kind: MappingKind, key: str, to: str) -> str | None:
    if kind == MappingKind.TRACKING:
        return _option_refusal(known, key, to)
    if kind == MappingKind.TAX:
        percent = known.percents.get(key)
        tax = any_tax(key) if percent is None else (known.tax_names.get(key, key), percent)
        return _tax_refusal(known.rates.get(to), tax)
    account = known.accounts.get(to)
    if account is None:
        return "Xero has no such account. Choose one from the list."
    if not account.active:
        return f"{account.label} is archived in Xero. Choose another account."
    if not known.fits(kind, account):
        return f"{account.label} {UNFIT[kind]}"
    return _untaxable(known, account) if kind in (MappingKind.CATEGORY, MappingKind.DEFAULT) else None


def _untaxable(known: MappingBook, account: LedgerAccount) -> str | None:
    """Why no invoice line could go to an account that is none of revenue: Xero allows its taxes by class."""
    chosen = [
        known.rates[to]
        for (kind, _), to in known.chosen.items()
        if kind == MappingKind.TAX and to in known.rates
    ]
    if account.takes_revenue or not chosen or any(rate.fits(account) for rate in chosen):
        return None
    return f"{account.label} is no revenue account, and Xero allows none of the chosen tax rates on it. Choose another."


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
