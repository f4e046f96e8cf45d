"""CSV, written in one way everywhere: what a person or HoopAI wrote is never taken for a formula."""

import csv
import io
from collections.abc import Iterable

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def line(cells: Iterable[str]) -> str:
    """One line with its end."""
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def safe(text: str | None) -> str:
    """A cell that every spreadsheet shows as text: one that begins like a formula gets an apostrophe in front.

    A plain number may have its minus.
    """
    cell = text or ""
    number = cell.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{cell}" if cell.startswith(FORMULA) and not number else cell


def meant(cell: str) -> str:
    """What a cell said before `safe`."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell
