"""What README and docs say exists: links, pictures, settings, commands, and the rooms on the map."""

import argparse
import re
import shlex
from dataclasses import fields
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
from flask import Flask

from machinery import ROOT, commands
from portal import cli
from portal.config import DEFAULTS, REQUIRED, Timings

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
SETTING = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`")
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
OURS = re.compile(r"(?:^|=|/bin/)(?:(?:python3 )?manage\.py|flask --app wsgi|python3? -m) (?! )")
PLACEHOLDERS = {"NAME_FILE", "LOCATION_ID"}
MIGRATE = {("db", "upgrade")}

every_document = pytest.mark.parametrize("doc", PAGES, ids=lambda doc: str(doc.relative_to(ROOT)))


@every_document
def test_every_link_leads_somewhere(doc: Path) -> None:
    dead = [link for link in _links(doc) if not _leads_somewhere(doc, link)]
    assert not dead


@every_document
def test_every_setting_named_is_one(doc: Path) -> None:
    named = set(SETTING.findall(doc.read_text()))
    assert named <= set(REQUIRED) | set(DEFAULTS) | PLACEHOLDERS


@every_document
def test_every_command_named_can_be_given(doc: Path) -> None:
    unknown = [line for line in _commands(doc) if not _is_known(line)]
    assert not unknown


def test_every_setting_is_in_the_table() -> None:
    table = set(SETTING.findall((ROOT / "docs" / "production.md").read_text()))
    assert set(REQUIRED) | set(DEFAULTS) <= table


def test_every_operators_command_is_in_the_readme() -> None:
    said = {tuple(words) for words in map(_operators_words, _table_of("Result")) if words}
    assert set(_operators_commands()) | MIGRATE == said


def test_every_room_on_the_map_is_there() -> None:
    tree = next(block for block in FENCE.findall((ROOT / "README.md").read_text()) if "wsgi.py " in block)
    gone = [line.split()[0] for line in tree.splitlines() if not (ROOT / line.split()[0]).exists()]
    assert not gone


def test_the_figures_of_the_proof_hold() -> None:
    timings = Timings()
    text = (ROOT / "docs" / "engine.md").read_text()
    assert timings.resend + timings.send + timings.quiet < 360
    assert f"{timings.resend:g} s + {timings.send:g} s + {timings.quiet:g} s" in text
    listed = ", ".join(f"{getattr(timings, each.name):g}" for each in fields(Timings))
    assert f"| {listed} |" in (ROOT / "docs" / "production.md").read_text()


def _links(page: Path) -> list[str]:
    text = FENCE.sub("", page.read_text())
    return [link for link in LINK.findall(text) if not link.startswith(("http://", "https://"))]


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_file() or not target.is_relative_to(ROOT):
        return False
    return not anchor or anchor in _anchors(target)


@cache
def _anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def _commands(page: Path) -> list[str]:
    """Lines of code blocks and code in sentences that start one of our programs."""
    text = page.read_text()
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
    words = CODE.findall(FENCE.sub("", text))
    return [line for line in [*lines, *words] if OURS.search(line)]


def _is_known(line: str) -> bool:
    if "manage.py" in line:
        return _manage_knows(line.partition("manage.py")[2].split())
    if "flask --app wsgi" in line:
        return _flask_knows(line.partition("flask --app wsgi")[2])
    module = line.partition(" -m ")[2].split()[0]
    return module == "venv" or find_spec(module) is not None


def _manage_knows(words: list[str]) -> bool:
    try:
        commands._parser().parse_args(words)
    except SystemExit:
        return False
    return True


def _flask_knows(rest: str) -> bool:
    words = shlex.split(rest.replace("…", ""))
    if not words or tuple(words[:2]) in MIGRATE:
        return True
    named = next((name for name in _operators_commands() if tuple(words[: len(name)]) == name), None)
    return named is not None and _takes(_operators_commands()[named], words[len(named) :])


def _takes(command: click.Command, words: list[str]) -> bool:
    try:
        command.make_context(command.name, list(words))
    except click.ClickException:
        return False
    return True


@cache
def _operators_commands() -> dict[tuple[str, ...], click.Command]:
    app = Flask("portal")
    cli.register(app)
    found: dict[tuple[str, ...], click.Command] = {}
    for name, command in app.cli.commands.items():
        members = command.commands if isinstance(command, click.Group) else {}
        found |= {(name, member): each for member, each in members.items()} or {(name,): command}
    return found


def _table_of(head: str) -> list[str]:
    """The first cells of the README's table whose second column has this head."""
    text = (ROOT / "README.md").read_text()
    _, _, rest = text.partition(f"| Command | {head} |\n")
    rows = rest.split("\n\n")[0].splitlines()[1:]
    return [CODE.findall(row)[0] for row in rows]


def _operators_words(cell: str) -> list[str]:
    return [word for word in cell.split() if word.islower() and not word.startswith("-")][:2]


def test_the_parser_of_these_tests_is_the_real_one() -> None:
    assert isinstance(commands._parser(), argparse.ArgumentParser)
    assert not _is_known("python3 manage.py fly")
    assert not _is_known("flask --app wsgi agencies remove")
