"""The account mapping for programs: read all of it, change any part of it."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from portal.api import door, shapes
from portal.api.problems import Refusal
from portal.api.routes import route
from portal.errors import ChooseAgain
from portal.models import MappingKind
from portal.security import here
from portal.services import mapping_listing, mappings
from portal.services.mapping_book import DEFAULT_ACCOUNT, MappingBook, Target

MOST = 5_000
Key = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00]+$")]
CategoryKey = Annotated[
    str, StringConstraints(max_length=300, pattern=r"^(collection|product|name|charge):[^\x00]+$")
]
Account = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00]*$")]
Method = Annotated[str, StringConstraints(max_length=30, pattern=r"^[a-z][a-z0-9_:-]*$")]


class CategoryShape(shapes.Shape):
    """A category and the account of its own; null where it follows the default account."""

    key: str
    name: str
    account: str | None
    account_id: str | None


class TaxShape(shapes.Shape):
    """A tax of HoopAI, its percentage, and the tax type that stands for it in Xero."""

    key: str
    name: str
    rate: str
    tax_type: str | None


class PaymentAccountShape(shapes.Shape):
    """A payment method and where its money is received in Xero."""

    method: str
    account_id: str | None


class MappingsShape(shapes.Shape):
    """Where everything goes in Xero. Accounts are given by code, beside the AccountID, which never changes."""

    default_account: str | None
    categories: list[CategoryShape]
    taxes: list[TaxShape]
    payment_accounts: list[PaymentAccountShape]
    rounding_account: str | None


class SavedShape(shapes.Shape):
    """One choice that was saved. `value` is an AccountID or a tax type, null where it was taken back."""

    kind: MappingKind
    key: str
    value: str | None


class SavedMappingsShape(MappingsShape):
    """The mapping as it is now, what was saved, and how many waiting documents that set free."""

    saved: list[SavedShape]
    freed: int


class Wish(BaseModel):
    """A part of what is to be changed."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)


class AccountWish(Wish):
    """An account by `account` (code) or `account_id`; null or empty takes the choice back."""

    account: Account | None = None
    account_id: Account | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "AccountWish":
        if not self.model_fields_set & {"account", "account_id"}:
            raise ValueError("Give account or account_id.")
        return self

    @property
    def to(self) -> str:
        """The account that is meant: the AccountID where both are given."""
        return self.account_id or self.account or ""


class CategoryWish(AccountWish):
    """The account of a category."""

    key: CategoryKey


class TaxWish(Wish):
    """The tax type of a tax; null takes it back."""

    key: Key
    tax_type: Annotated[str, StringConstraints(max_length=50, pattern=r"^[^\x00]*$")] | None


class PaymentWish(AccountWish):
    """The account of a payment method."""

    method: Method


class MappingsWish(BaseModel):
    """Any part of the mapping; what is not named stays. Nothing is saved where one item cannot be."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    default_account: Account | None = None
    categories: list[CategoryWish] = Field(default=[], max_length=MOST)
    taxes: list[TaxWish] = Field(default=[], max_length=MOST)
    payment_accounts: list[PaymentWish] = Field(default=[], max_length=MOST)
    rounding_account: Account | None = None


@route("GET", "/mappings", answer=MappingsShape)
def read_mappings() -> MappingsShape:
    """Where categories, taxes and payment methods go in Xero."""
    return MappingsShape(**_shape(mappings.book(here().id)))


@route("PUT", "/mappings", answer=SavedMappingsShape, body=MappingsWish, fails=(409,))
def save_mappings(body: MappingsWish) -> SavedMappingsShape:
    """Change any part of the mapping. All or nothing; what waited for it goes out."""
    choices, places = _choices(body)
    if not mapping_listing.connected(here().id):
        raise Refusal(
            "not-connected", "Connect the location to Xero first; accounts are the organisation's own."
        )
    before = mappings.book(here().id)
    try:
        saved = mappings.save(here().id, door.actor(), choices, how="api")
    except ChooseAgain as refusal:
        errors = [
            {"pointer": places.get(target, "#"), "detail": text} for target, text in refusal.fields.items()
        ]
        raise Refusal("invalid", str(refusal), errors) from refusal
    after = mappings.book(here().id)
    changed = [target for target in choices if before.chosen.get(target) != after.chosen.get(target)]
    return SavedMappingsShape(
        **_shape(after),
        saved=[SavedShape(kind=kind, key=key, value=after.chosen.get((kind, key))) for kind, key in changed],
        freed=saved.freed,
    )


def _choices(body: MappingsWish) -> tuple[dict[Target, str], dict[str, str]]:
    """What is wished, and where in the body each wish stands. An item that is there twice is refused."""
    found: list[tuple[Target, str, str]] = []
    if "default_account" in body.model_fields_set:
        found.append(
            ((MappingKind.DEFAULT, DEFAULT_ACCOUNT), body.default_account or "", "#/default_account")
        )
    if "rounding_account" in body.model_fields_set:
        target = (MappingKind.ROUNDING, DEFAULT_ACCOUNT)
        found.append((target, body.rounding_account or "", "#/rounding_account"))
    for place, category in enumerate(body.categories):
        found.append(((MappingKind.CATEGORY, category.key), category.to, f"#/categories/{place}"))
    for place, tax in enumerate(body.taxes):
        found.append(((MappingKind.TAX, tax.key), tax.tax_type or "", f"#/taxes/{place}"))
    for place, payment in enumerate(body.payment_accounts):
        found.append(((MappingKind.PAYMENT, payment.method), payment.to, f"#/payment_accounts/{place}"))
    choices: dict[Target, str] = {}
    for target, to, where in found:
        if choices.get(target, to) != to:
            raise Refusal(
                "invalid", "Nothing was saved.", [{"pointer": where, "detail": "It is there twice."}]
            )
        choices[target] = to
    return choices, {f"{kind}:{key}": where for (kind, key), _, where in found}


def _shape(book: MappingBook) -> dict[str, Any]:
    listing = mapping_listing.listing(here().id, book)
    return {
        "default_account": book.default_account.code if book.default_account else None,
        "categories": [
            CategoryShape(key=key, name=name, account=_code(book, own), account_id=own or None)
            for key, name, own in listing.categories
        ],
        "taxes": [
            TaxShape(key=key, name=name, rate=_percent(rate), tax_type=tax_type or None)
            for key, name, rate, tax_type in listing.taxes
        ],
        "payment_accounts": [
            PaymentAccountShape(method=method, account_id=own or None) for method, own in listing.methods
        ],
        "rounding_account": book.rounding_account.code if book.rounding_account else None,
    }


def _code(book: MappingBook, account_id: str) -> str | None:
    account = book.accounts.get(account_id)
    return account.code if account else None


def _percent(rate: Decimal) -> str:
    return f"{rate.normalize():f}"
