"""The book of a location's choices: where a category, a tax or a payment method goes."""

from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from decimal import Decimal

from portal.models import LedgerAccount, MappingKind, TaxRate, TrackingOption
from portal.services import tracking
from portal.services.tracking import Tracking

NO_TAX = "none"
NO_TAX_NAME = "No tax"
ANY_TAX = "rate:"
DEFAULT = "default"
DEFAULT_ACCOUNT = "account"
UNTAXED = "NONE"

Target = tuple[MappingKind, str]
Choices = Dict[Target, str]


@dataclass(frozen=True, slots=True)
class MappingBook:
    """Every choice of one location beside the organisation's accounts and tax rates.

    `accounts` is by AccountID, `rates` by tax type, `options` (tracking) by TrackingOptionID; `chosen` gives the id of
    each target's choice, `percents` and `tax_names` the percentage and name of each HoopAI tax (a name also where
    lines have no tax), `trackings` Xero's tracking categories.
    """

    accounts: dict[str, LedgerAccount]
    rates: dict[str, TaxRate]
    chosen: dict[Target, str]
    percents: dict[str, Decimal] = field(default_factory=dict)
    options: dict[str, TrackingOption] = field(default_factory=dict)
    tax_names: dict[str, str] = field(default_factory=dict)
    trackings: tuple[Tracking, ...] = ()

    def account_for(self, *keys: str) -> LedgerAccount | None:
        """The account of the first of these categories that has an own one, else the default one.

        A line's product comes before its collection. The account may be archived: see `.takes_lines`. An own
        choice that the organisation does not have gives None, never the default account.
        """
        own = self._own(keys)
        return self.accounts.get(own) if own else self.default_account

    def chosen_of_line(self, product_id: str | None, category_key: str) -> str:
        """The AccountID of a line's own choice, empty where it follows the default one."""
        return self._own(keys_of(product_id, category_key)) or ""

    def _own(self, keys: Iterable[str]) -> str | None:
        return next(filter(None, (self.chosen.get((MappingKind.CATEGORY, key)) for key in keys)), None)

    def account_of_line(self, product_id: str | None, category_key: str) -> LedgerAccount | None:
        """The account of a line: its product's own one, else that of its category, else the default one."""
        return self.account_for(*keys_of(product_id, category_key))

    def with_choices(self, choices: Choices) -> "MappingBook":
        """The book as it would be with these choices (an empty text takes one back)."""
        merged = {**self.chosen, **choices}
        return replace(self, chosen={target: to for target, to in merged.items() if to})

    def label(self, kind: MappingKind, value: str) -> str:
        """An AccountID, tax type or TrackingOptionID as a person knows it; empty for none."""
        if kind == MappingKind.TAX:
            return self.rates[value].name if value in self.rates else value
        if kind == MappingKind.TRACKING:
            return self.options[value].label if value in self.options else value
        return self.accounts[value].label if value in self.accounts else value

    def options_of_line(self, product_id: str | None, category_key: str) -> list[str]:
        """The ids of the tracking options that a line shall carry, one of each tracking category at most."""
        keys = keys_of(product_id, category_key)
        found = (tracking.chosen(self.chosen, each.tracking_id, keys) for each in self.trackings)
        return [option_id for option_id in found if option_id]

    @property
    def default_account(self) -> LedgerAccount | None:
        """The account of categories without an own one."""
        return self.accounts.get(self.chosen.get((MappingKind.DEFAULT, DEFAULT_ACCOUNT), ""))

    @property
    def rounding_account(self) -> LedgerAccount | None:
        """The account that balances differences of rounding, usable or not; None where that is not switched on."""
        return self.accounts.get(self.chosen.get((MappingKind.ROUNDING, DEFAULT_ACCOUNT), ""))

    def rounding_tax(self, account: LedgerAccount) -> TaxRate | None:
        """The rate of 0 % under which a rounding line goes to an account; None where the account has none.

        The account's own rate is preferred, since Xero surely takes it there. Lines without tax say what else may
        go to revenue.
        """
        names = [account.tax_type or "", self.chosen_tax(NO_TAX) if account.takes_revenue else "", UNTAXED]
        rates = [self.rates[name] for name in names if name in self.rates]
        return next((rate for rate in rates if rate.status == "ACTIVE" and not rate.rate), None)

    def takes_rounding(self, account: LedgerAccount) -> bool:
        """Whether a rounding line can be booked to this account as things stand."""
        return account.takes_rounding and self.rounding_tax(account) is not None

    def tax_for(self, tax_key: str) -> TaxRate | None:
        """The tax rate chosen for a HoopAI tax (`none` for lines without tax), usable or not.

        A tax without a choice of its own goes where any tax of its percentage goes.
        """
        return self.rates.get(self.chosen_tax(tax_key))

    def chosen_tax(self, tax_key: str) -> str:
        """The tax type that stands for a HoopAI tax, empty for none."""
        own = self.chosen.get((MappingKind.TAX, tax_key))
        if own is None and tax_key in self.percents:
            own = self.chosen.get((MappingKind.TAX, percent_key(self.percents[tax_key])))
        return own or ""

    def payment_account_for(self, method: str) -> LedgerAccount | None:
        """Where money of this method is received: its own account, its family's (`manual`), else the one for all."""
        keys = (method, method.partition(":")[0], DEFAULT)
        chosen = (self.chosen.get((MappingKind.PAYMENT, key)) for key in keys)
        own = next(filter(None, chosen), None)
        return self.accounts.get(own) if own else None

    def mends(self, cause: str) -> bool:
        """Whether what `cause` names (category:…, tax:…, payment:…, account:…, tracking:…) is in order now."""
        kind, _, key = cause.partition(":")
        if kind == "category":
            account = self.account_for(key)
            return account is not None and account.takes_lines
        if kind == "tax":
            rate = self.tax_for(key)
            return rate is not None and rate.usable and rate.rate == self.percents.get(key, rate.rate)
        if kind == "payment":
            account = self.payment_account_for(key)
            return account is not None and account.takes_payments
        if kind == "tracking":
            option = self.options.get(key)
            return (option is not None and option.usable) or key not in self.chosen.values()
        return kind == "account" and self._account_in_order(key)

    def _account_in_order(self, account_id: str) -> bool:
        account = self.accounts.get(account_id)
        in_use = {kind for (kind, _), value in self.chosen.items() if value == account_id}
        if account is None or not account.active:
            return not in_use
        return all(self.fits(kind, account) for kind in in_use)

    def fits(self, kind: MappingKind, account: LedgerAccount) -> bool:
        """Whether the account can be used for what is mapped by this kind of choice."""
        if kind == MappingKind.PAYMENT:
            return account.takes_payments
        return self.takes_rounding(account) if kind == MappingKind.ROUNDING else account.takes_lines


def keys_of(product_id: str | None, category_key: str) -> tuple[str, ...]:
    """By what a line is mapped, the most particular first."""
    product = f"product:{product_id}"
    return (product, category_key) if product_id and product != category_key else (category_key,)


def percent_key(percent: Decimal) -> str:
    """The key under which any tax of this percentage is mapped; it can be chosen before HoopAI has used one."""
    return f"{ANY_TAX}{percent.normalize():f}"
