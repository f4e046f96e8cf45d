"""The help pages of `docs/pages`, read as people of the portal read them: a small part of Markdown becomes HTML.

Only what those pages use is known: headings, paragraphs, lists, tables, code, strong and emphasised words, links.
Everything else stands there as it was typed; nothing of a page is ever HTML of its own.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

from portal.errors import NotFoundHere

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pages"
NAME = re.compile(r"[a-z0-9-]{1,60}")
INLINE = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<strong>.+?)\*\*|\*(?P<em>[^*]+)\*|\[(?P<text>[^\]]+)\]\((?P<to>[^)\s]+)\)"
)
ITEM = re.compile(r"(?:[-*]|(?P<number>\d+)\.) +(?P<text>.*)")
Address = Callable[[str, str | None], str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One help page: its name in addresses and its title."""

    name: str
    title: str


@cache
def entries() -> tuple[Entry, ...]:
    """All help pages by title."""
    found = [Entry(path.stem, _title(path)) for path in FOLDER.glob("*.md")]
    return tuple(sorted(found, key=lambda each: each.title))


def page(name: str, address: Address) -> Markup:
    """One help page as HTML; `address` gives the address of another page and a heading in it. Raises NotFoundHere."""
    if not NAME.fullmatch(name) or not any(each.name == name for each in entries()):
        raise NotFoundHere("There is no such help page.")
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    return Markup("\n").join(_block(block.split("\n"), address) for block in _blocks(text))


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ").strip()


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, and code between fences whole."""
    kept: list[str] = []
    for line in [*text.split("\n"), ""]:
        fenced = bool(kept) and kept[0].startswith("```")
        if line.strip() or (fenced and kept[-1:] != ["```"]):
            kept.append(line)
        if kept and (not line.strip() if not fenced else line.startswith("```")):
            yield "\n".join(kept)
            kept = []


def _block(lines: list[str], address: Address) -> Markup:
    first = lines[0]
    if first.startswith("```"):
        return Markup("<pre tabindex='0'>{}</pre>").format("\n".join(lines[1:-1]))
    if first.startswith("#"):
        depth, title = len(first) - len(first.lstrip("#")), first.lstrip("# ")
        level = min(depth, 4)
        head = Markup('<h{} id="{}">{}</h{}>').format(level, _anchor(title), _inline(title, address), level)
        return head + (_block(lines[1:], address) if lines[1:] else Markup())
    if first.startswith("!["):
        return Markup()
    if first.startswith("|"):
        return _table(lines, address)
    if ITEM.match(first):
        return _list(lines, address)
    return Markup("<p>{}</p>").format(_inline(" ".join(lines), address))


def _list(lines: list[str], address: Address) -> Markup:
    items: list[str] = []
    for line in lines:
        found = ITEM.match(line)
        if found:
            items.append(found["text"])
        else:
            items[-1] += f" {line.strip()}"
    numbered = ITEM.match(lines[0])
    kind = "ol" if numbered and numbered["number"] else "ul"
    inside = Markup("").join(Markup("<li>{}</li>").format(_inline(each, address)) for each in items)
    return Markup("<{}>{}</{}>").format(kind, inside, kind)


def _table(lines: list[str], address: Address) -> Markup:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    heads = Markup("").join(
        Markup('<th scope="col">{}</th>').format(_inline(each, address)) for each in rows[0]
    )
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(_inline(cell, address)) for cell in row)
        )
        for row in rows[2:]
    )
    head = Markup("<thead><tr>{}</tr></thead>").format(heads) if any(rows[0]) else Markup()
    return Markup(
        '<div class="table-box" tabindex="0"><table class="table">{}<tbody>{}</tbody></table></div>'
    ).format(head, body)


def _inline(text: str, address: Address) -> Markup:
    done, at = Markup(), 0
    for found in INLINE.finditer(text):
        done += escape(text[at : found.start()]) + _piece(found, address)
        at = found.end()
    return done + escape(text[at:])


def _piece(found: re.Match[str], address: Address) -> Markup:
    if found["code"]:
        return Markup("<code>{}</code>").format(found["code"])
    for kind in ("strong", "em"):
        if found[kind]:
            return Markup("<{}>{}</{}>").format(kind, _inline(found[kind], address), kind)
    to, _, anchor = found["to"].partition("#")
    words = _inline(found["text"], address)
    here = not to or any(f"{each.name}.md" == to for each in entries())
    if not here and not to.startswith("https://"):
        return words
    url = address(to.removesuffix(".md"), anchor or None) if here else found["to"]
    return Markup('<a href="{}">{}</a>').format(url, words)


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
