"""Letters in words: one template for the text and one for the HTML of each kind, below `templates/mail`."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).resolve().parent.parent.parent / "templates" / "mail"


def worded(kind: str, **words: Any) -> tuple[str, str]:
    """The text and the HTML of a letter of this kind; a word that a template wants and does not get is an error."""
    papers = _papers()
    return papers.get_template(f"{kind}.txt").render(words).strip() + "\n", papers.get_template(
        f"{kind}.html"
    ).render(words)


@cache
def _papers() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=lambda name: bool(name) and str(name).endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
