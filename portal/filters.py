"""How things are written on pages: money, moments, counts, icons."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

import simplejson
from flask import Flask, g
from jinja2.ext import Extension
from markupsafe import Markup

from portal import clock, words
from portal.models import LedgerAccount
from portal.services.charting import Day

NO_DECIMALS = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
MOST_COUNTED = 10_000
STEPS = ((60, "second"), (60, "minute"), (24, "hour"), (30, "day"))


def register(app: Flask) -> None:
    """Give the templates these words."""
    app.jinja_env.add_extension(Lean)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    for word in (
        amount,
        money,
        number,
        moment,
        ago,
        upcoming,
        clock_time,
        day,
        percent,
        many,
        plural,
        quantity,
        exact_json,
        labelled,
        bars,
    ):
        app.jinja_env.filters[word.__name__] = word
    app.jinja_env.globals.update(
        icon=icon, mark=mark, symbols=symbols, words=words, push_look=words.push_look
    )


class Lean(Extension):
    """Templates are indented for people; what is sent is not."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """The template with one blank where its lines begin with many."""
        return re.sub(r"^[ \t]+", " ", source, flags=re.MULTILINE)


def labelled(accounts: Iterable[LedgerAccount]) -> list[tuple[str, str]]:
    """Accounts as what is chosen and how it is called, for a select."""
    return [(each.account_id, each.label) for each in accounts]


def amount(value: Decimal | None, currency: str) -> str:
    """The number with the currency's decimals and thousands: `1,250.00`; `–` where there is none."""
    if value is None:
        return "–"
    places = 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    return f"{value:,.{places}f}".replace("-", "−")


def plain_amount(value: Decimal, currency: str) -> str:
    """The number with the currency's decimals for programs: `1250.00`, in yen `1250`."""
    places = 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    return f"{value:.{places}f}"


def money(value: Decimal | None, currency: str) -> str:
    """The number and its currency: `1,250.00 AUD`."""
    return "–" if value is None else f"{amount(value, currency)} {currency}"


def quantity(value: Decimal) -> str:
    """A quantity without idle zeros: `2`, `1.5`."""
    text = f"{value:,.4f}".rstrip("0").rstrip(".")
    return text or "0"


def percent(value: Decimal) -> str:
    """A rate without idle zeros: `10 %`, `8.875 %`; it never breaks before the sign."""
    return f"{quantity(value)}\N{NO-BREAK SPACE}%"


def number(value: int) -> str:
    """A count with thousands."""
    return f"{value:,}"


def many(value: int) -> str:
    """A count that stops at ten thousand: `312`, `10,000+`."""
    return f"{value:,}" if value < MOST_COUNTED else f"{MOST_COUNTED:,}+"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 invoice`, `2 invoices`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def moment(at: datetime | None, absent: str = "never", zone: str | None = None) -> Markup | str:
    """Relative with the absolute beside it, in the location's zone: `3 minutes ago · 14:02`."""
    if at is None:
        return absent
    # Nothing in here can need escaping, and lists say many moments.
    written = at.isoformat(timespec="seconds")
    return Markup(f'<time datetime="{written}">{_relative(at)} · {clock_time(at, zone)}</time>')


def ago(at: datetime) -> str:
    """Only the relative part: `3 minutes ago`."""
    return _relative(at)


def upcoming(at: datetime) -> Markup | str:
    """When something is due, as `moment`; `any moment now` once it is."""
    return "any moment now" if at <= clock.now() else moment(at)


def clock_time(at: datetime, zone: str | None = None) -> str:
    """The time of day; with the date where it is not today in the location's zone."""
    here = clock.zone(zone) if zone else _zone()
    local, today = at.astimezone(here), clock.now().astimezone(here).date()
    if local.date() == today:
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b %H:%M}" if local.year == today.year else f"{local.day} {local:%b %Y %H:%M}"


def day(value: date | datetime | None) -> str:
    """A calendar day: `3 Nov 2026`. Dates of documents are never shifted by a zone."""
    if value is None:
        return "–"
    local = value.astimezone(_zone()) if isinstance(value, datetime) else value
    return f"{local.day} {local:%b %Y}"


def icon(name: str) -> Markup:
    """One icon of Bootstrap Icons as inline SVG; always beside a word, hence hidden from readers aloud."""
    return _drawn(name)


@cache
def mark(name: str) -> Markup:
    """The same icon where `symbols` has drawn it in this piece of the page: lists show the same few many times."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>').format(name)


@cache
def symbols(*names: str) -> Markup:
    """The shapes that `mark` shows, once for all rows."""
    shapes = Markup("").join(
        Markup('<symbol id="i-{}" viewBox="{}">{}</symbol>').format(name, *_shape(name)) for name in names
    )
    return Markup('<svg class="symbols" aria-hidden="true">{}</svg>').format(shapes)


def bars(days: Iterable[Day], top: int) -> Iterator[tuple[str, str]]:
    """A chart's stacked bars, 600 wide and 100 high, as a colour and its path; what is there at all is seen."""
    paths: dict[str, list[str]] = {"green": [], "blue": [], "amber": []}
    for place, each in enumerate(days):
        above = 102.0
        for tone, count in zip(paths, (each.sent, each.waiting, each.failed), strict=True):
            high = max(round(100 * count / top, 1), 1.5) if count else 0
            above -= high
            if count:
                paths[tone].append(f"M{place * 20 + 2} {above:.1f}h16v{high:.1f}h-16z")
    yield from ((tone, "".join(drawn)) for tone, drawn in paths.items() if drawn)


def exact_json(value: object) -> str:
    """A kept request or answer, indented, its numbers as they were."""
    return simplejson.dumps(value, use_decimal=True, indent=2, ensure_ascii=False, sort_keys=False)


def _relative(at: datetime) -> str:
    seconds = (clock.now() - at).total_seconds()
    ahead, left = seconds < 0, abs(seconds)
    if left < 10:
        return "now" if ahead else "just now"
    unit = "day"
    for size, unit in STEPS:
        if left < size or unit == "day":
            break
        left /= size
    count = max(1, int(left))
    words = plural(count, unit)
    return f"in {words}" if ahead else f"{words} ago"


def _zone() -> ZoneInfo:
    location = g.get("location")
    return clock.zone(location.timezone if location is not None else "UTC")


@cache
def _drawn(name: str) -> Markup:
    box, shape = _shape(name)
    start = Markup('<svg class="icon" viewBox="{}" aria-hidden="true" focusable="false">').format(box)
    return start + shape + Markup("</svg>")


@cache
def _shape(name: str) -> tuple[str, Markup]:
    found = re.search(rf'<symbol[^>]*viewBox="([^"]+)" id="{re.escape(name)}">(.*?)</symbol>', _sprite())
    if not found:
        raise LookupError(f"Bootstrap Icons has no {name!r}")
    return found[1], Markup(found[2])


@cache
def _sprite() -> str:
    spec = find_spec("flask_bootstrap")
    if spec is None or spec.origin is None:
        raise LookupError("bootstrap-flask is not installed")
    path = Path(spec.origin).parent / "static/bootstrap5/icons/bootstrap-icons.svg"
    return path.read_text(encoding="utf-8")
