"""Xero's dates: `/Date(ms+0000)/` and ISO text (developer.xero.com, Requests and responses, Dates)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

_MS = re.compile(r"^/Date\((-?\d+)([+-]\d{4})?\)/$")
_ISO_DAY = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:[T ].*)?$")
_EPOCH = date(1970, 1, 1)
_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)


def parse_day(text: str) -> date:
    """The calendar day in `2026-01-31`, `2026-01-31T…` or `/Date(ms)/`; ValueError otherwise."""
    if found := _MS.match(text):
        return (_MOMENT + timedelta(milliseconds=int(found[1]))).date()
    if found := _ISO_DAY.match(text):
        return date.fromisoformat(found[1])
    raise ValueError(text)


def parse_moment(text: str) -> datetime:
    """An aware moment from ISO text (with or without zone, taken as UTC), `/Date(ms)/` or an HTTP date."""
    if found := _MS.match(text):
        return _MOMENT + timedelta(milliseconds=int(found[1]))
    try:
        read = datetime.fromisoformat(text.replace(" ", "T") if "+" not in text[:11] else text)
    except ValueError:
        read = parsedate_to_datetime(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def day_pair(key: str, iso: str | None) -> dict[str, str]:
    """`{key + "String": "2026-01-31T00:00:00", key: "/Date(…+0000)/"}`, or nothing without a day."""
    if not iso:
        return {}
    return {f"{key}String": f"{iso}T00:00:00", key: ms_day(iso)}


def ms_day(iso: str) -> str:
    """`2026-01-31` as midnight UTC in Xero's form."""
    return f"/Date({(date.fromisoformat(iso) - _EPOCH).days * 86_400_000}+0000)/"


def ms_moment(iso: str) -> str:
    """A kept moment (`stamp`) in Xero's form with offset."""
    return f"/Date({_milliseconds(iso)}+0000)/"


def ms_now(moment: datetime) -> str:
    """A moment in Xero's form without offset, as in the envelope."""
    return f"/Date({(moment - _MOMENT) // timedelta(milliseconds=1)})/"


def stamp(moment: datetime) -> str:
    """How moments are kept: ISO with milliseconds, in UTC, without zone; sorts as text."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")


def updated_pair(iso: str) -> dict[str, str]:
    """`UpdatedDateUTC` and, since July 2026, `UpdatedDateUTCString`."""
    return {"UpdatedDateUTCString": f"{iso[:19]}Z", "UpdatedDateUTC": ms_moment(iso)}


def _milliseconds(iso: str) -> int:
    return (datetime.fromisoformat(iso).replace(tzinfo=UTC) - _MOMENT) // timedelta(milliseconds=1)
