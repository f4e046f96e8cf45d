"""Being a person without a browser: cookies, pages read as text, forms posted with their tokens."""

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urljoin

import requests

from tests.support import consent
from tests.support.house import EMAIL, PASSWORD, House


@dataclass
class Visitor:
    """Somebody with cookies who reads pages and posts their forms."""

    house: House
    line: requests.Session = field(default_factory=requests.Session)

    def read(self, url: str) -> str:
        """The text of a page."""
        answer = self.line.get(urljoin(self.house.url, url), timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, url: str, page: str, **fields: str) -> str:
        """Post a form of `page` with its token; the page that comes of it."""
        token = {"csrf_token": consent.inputs(page)["csrf_token"]}
        answer = self.line.post(urljoin(self.house.url, url), data={**token, **fields}, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.text

    def sign_in(self) -> str:
        """Sign in; the overview."""
        return self.post("/sign-in", self.read("/sign-in"), email=EMAIL, password=PASSWORD)

    def connect(self, location: str, person: str, country: str) -> str:
        """Press Connect, choose the organisation of this country, allow; the page that says so."""
        url = self.house.page(location, "settings/integrations/xero/connect")
        start = self.line.get(url, allow_redirects=False, timeout=20)
        assert start.status_code == 303, start.text
        back = consent.allow(start.headers["Location"], person, country)
        answer = self.line.get(f"{self.house.url}/integrations/xero/callback", params=back, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.text

    def map(self, location: str, **choices: tuple[str, str]) -> str:
        """Choose in the lists of Account Mapping; each choice is (name of the list, text of the option)."""
        url = self.house.page(location, "settings/integrations/xero/account-mapping")
        page = self.read(url)
        fields = {f"was:{name}": "" for name, _ in choices.values()}
        fields |= {name: option(page, name, text) for name, text in choices.values()}
        return self.post(url, page, **fields)


def option(page: str, name: str, text: str) -> str:
    """The value of the one option of a list that begins with this text."""
    (box,) = re.findall(rf'<select[^>]*name="{re.escape(name)}".*?</select>', page, re.DOTALL)
    found = re.findall(r'<option value="([^"]*)"[^>]*>\s*([^<]*)', box)
    (value,) = [value for value, words in found if unescape(words).startswith(text)]
    return str(value)


def shown(page: str) -> str:
    """What a person would read."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))
