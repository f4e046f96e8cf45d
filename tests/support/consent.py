"""Being the person at Xero's consent page: read the form, choose, press a button."""

import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}
        self.choices: dict[str, list[tuple[str, str]]] = {}
        self._words: list[str] = []
        self._last: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = found.get("action", "")
        if tag == "input" and found.get("type") == "hidden":
            self.hidden[found["name"]] = found.get("value", "")
        if tag == "input" and found.get("type") == "radio":
            self._choice(found["name"], found["value"])
        if tag == "option":
            self._choice("option", found.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self._last is not None and data.strip():
            name, place = self._last
            value, words = self.choices[name][place]
            self.choices[name][place] = (value, f"{words} {data.strip()}".strip())

    def _choice(self, name: str, value: str) -> None:
        self.choices.setdefault(name, []).append((value, ""))
        self._last = (name, len(self.choices[name]) - 1)


def inputs(page: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    form = _Form()
    form.feed(page)
    return form.hidden


def allow(url: str, user: str, organisation: str) -> dict[str, str]:
    """Sign in as `user`, choose the organisation of this country or id, allow; Xero's answer."""
    return _decide(url, user, organisation, "allow")


def cancel(url: str) -> dict[str, str]:
    """Press Cancel; Xero's answer."""
    return _decide(url, "mia", "", "cancel")


def _decide(url: str, user: str, organisation: str, decision: str) -> dict[str, str]:
    with requests.Session() as browser:
        page = browser.get(url, timeout=10)
        assert page.status_code == 200, page.text
        form = _Form()
        form.feed(page.text)
        tenant = _tenant(form, organisation)
        answer = browser.post(
            urljoin(url, form.action) if form.action else url,
            data={**form.hidden, "user": user, "tenant": tenant, "decision": decision},
            allow_redirects=False,
            timeout=10,
        )
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def _tenant(form: _Form, organisation: str) -> str:
    offered = form.choices.get("tenant") or form.choices.get("option") or []
    fits = [value for value, words in offered if organisation == value or organisation in _words(words)]
    assert fits or not organisation, f"no organisation {organisation!r} among {offered}"
    return fits[0] if fits else ""


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)
