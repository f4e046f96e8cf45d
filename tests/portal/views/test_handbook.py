"""The handbook in the portal: a chapter for every screen, and no link in it that leads nowhere."""

import re

import pytest
from flask import Flask

from portal import handbook
from portal.views.handbook import GUIDES, SCREENS
from tests.portal.views.browser import Browser
from tests.support.portal import HARBOUR

NO_SCREEN = {"handbook", "hooks", "operations", "sessions", "entering", "api", "bootstrap", "vendor"}


def test_every_screen_has_a_chapter_and_every_chapter_a_way_to_it(site: Flask) -> None:
    rooms = {rule.endpoint.partition(".")[0] for rule in site.url_map.iter_rules() if "." in rule.endpoint}
    assert rooms - NO_SCREEN == set(SCREENS)
    assert set(handbook.names()) == {*SCREENS.values(), *GUIDES}


def test_a_screen_leads_to_its_own_chapter(ana: Browser) -> None:
    page = ana.get(f"/locations/{HARBOUR}/settings/integrations/xero/account-mapping").text
    assert 'href="/help/pages/account-mapping"' in page
    assert (
        "<h1>Settings &gt; Integrations &gt; Xero &gt; Account Mapping</h1>"
        in ana.get("/help/pages/account-mapping").text
    )


def test_every_link_and_picture_of_the_handbook_opens(ana: Browser, subtests: pytest.Subtests) -> None:
    pages = {name: ana.get(f"/help/{name}").text for name in handbook.names()}
    for name, text in pages.items():
        for target in re.findall(r'(?:href|src)="(/help/[^"]*)"', text):
            path, _, anchor = target.partition("#")
            with subtests.test(name, target=target):
                answer = ana.get(path)
                assert answer.status_code == 200
                assert not anchor or f'id="{anchor}"' in answer.text


def test_what_is_not_in_the_handbook_is_not_served(ana: Browser) -> None:
    for name in ("nothing", "../README", "pages/../../README", "images/../engine.md"):
        assert ana.get(f"/help/{name}").status_code == 404
