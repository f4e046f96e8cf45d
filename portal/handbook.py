"""The handbook: the pages of `docs/`, read from the program's own folder and turned into HTML."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path, PurePosixPath

from markdown_it import MarkdownIt
from markdown_it.token import Token

DOCS = Path(__file__).resolve().parent.parent / "docs"
BOXED = '<div class="table-box" tabindex="0" role="group" aria-label="Table"><table class="table">'
ALIGNED = {"text-align:right": "text-end", "text-align:center": "text-center"}


@dataclass(frozen=True, slots=True)
class Chapter:
    """One page of the handbook; `html` begins below its heading and holds nothing but what `docs/` says."""

    name: str
    title: str
    html: str


@cache
def names() -> tuple[str, ...]:
    """Every chapter: `going-live`, `pages/invoices`."""
    return tuple(path.relative_to(DOCS).with_suffix("").as_posix() for path in sorted(DOCS.rglob("*.md")))


@cache
def chapter(name: str, root: str) -> Chapter | None:
    """The chapter of this name, or None. Links between chapters lead below `root`, where they are shown."""
    if name not in names():
        return None
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(_text(name))
    title = _take_title(tokens)
    _name_headings(tokens)
    for token in _all(tokens):
        _mend(token, name, root)
    html: str = reader.renderer.render(tokens, reader.options, {})
    return Chapter(name, title, html.replace("<table>", BOXED).replace("</table>", "</table></div>"))


@cache
def title(name: str) -> str:
    """The heading of a chapter."""
    return _text(name).partition("\n")[0].lstrip("# ")


def _text(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def _take_title(tokens: list[Token]) -> str:
    """The first heading, taken out: the page around the chapter says it."""
    found = tokens[1].content
    del tokens[:3]
    return found


def _name_headings(tokens: Sequence[Token]) -> None:
    """Give headings the anchors by which documents link to them."""
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            plain = re.sub(r"[^\w\- ]", "", inline.content.lower())
            opening.attrSet("id", plain.replace(" ", "-"))


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or ())


def _mend(token: Token, name: str, root: str) -> None:
    """Links and pictures lead to where the portal shows them; a column's alignment becomes a class."""
    if token.type == "link_open":
        token.attrSet("href", _leads(str(token.attrGet("href") or ""), name, root))
    if token.type == "image":
        token.attrSet("src", f"{root}/images/{PurePosixPath(str(token.attrGet('src'))).name}")
    if token.type in ("th_open", "td_open"):
        style = str(token.attrs.pop("style", ""))
        if style in ALIGNED:
            token.attrSet("class", ALIGNED[style])


def _leads(href: str, name: str, root: str) -> str:
    path, mark, anchor = href.partition("#")
    if "://" in path or not path.endswith(".md"):
        return href
    target = (DOCS / name).parent.joinpath(path).resolve()
    return f"{root}/{target.relative_to(DOCS).with_suffix('').as_posix()}{mark}{anchor}"
