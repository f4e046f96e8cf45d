"""The tools of Account Mapping over HTTP: many rows at once, what a save means, files, history."""

import io

from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.models import Connection, Mapping
from portal.services.unit import transaction
from tests.portal.views import builders
from tests.portal.views.browser import Browser
from tests.portal.views.builders import ARCHIVED, OTHER, SALES
from tests.support.portal import HARBOUR

MAPPING = f"/locations/{HARBOUR}/settings/integrations/xero/account-mapping"
ROWS = ("product:retainer", "product:workshop")


def mapped(site: Flask) -> dict[str, str | None]:
    with site.app_context():
        rows = db.session.execute(select(Mapping.key, Mapping.account_id).where(Mapping.key.in_(ROWS)))
        return {key: account_id for key, account_id in rows}


def test_many_rows_get_one_account_at_once(site: Flask, ana: Browser) -> None:
    fields = {"row": list(ROWS), "assign": OTHER, "bulk": "account", "sure": "1"}
    fields |= {"was:category:product:retainer": ARCHIVED, "was:category:product:workshop": ""}
    assert ana.post(MAPPING, fields).status_code == 303
    assert mapped(site) == dict.fromkeys(ROWS, OTHER)


def test_a_save_that_concerns_sent_invoices_is_explained_first(site: Flask, ana: Browser) -> None:
    name = "category:product:retainer"
    answer = ana.post(MAPPING, {name: SALES, f"was:{name}": ARCHIVED})
    assert answer.status_code == 200
    assert "What this change means" in answer.text
    assert "1 invoice in Xero has lines of this, 1,000.00 AUD before tax." in " ".join(answer.text.split())
    assert mapped(site)["product:retainer"] == ARCHIVED


def test_the_meaning_can_be_asked_for_without_saving(site: Flask, ana: Browser) -> None:
    name = "category:product:workshop"
    page = " ".join(ana.post(MAPPING, {name: OTHER, f"was:{name}": "", "look": "1"}).text.split())
    assert "Back without saving" in page
    assert "product:workshop" not in mapped(site)


def test_all_suggestions_are_shown_before_they_are_taken(site: Flask, ana: Browser) -> None:
    page = ana.post(f"{MAPPING}/suggestions").text
    assert "Workshops" in page
    assert f'name="category:product:workshop" value="{OTHER}"' in page
    assert "product:workshop" not in mapped(site)


def test_the_mapping_goes_out_and_comes_in_as_a_file(site: Flask, ana: Browser) -> None:
    text = ana.get(f"{MAPPING}/mapping.csv").text
    assert "category,product:retainer,Retainers,215,215 – Retainers" in text
    rows = "kind,key,name,goes to\ncategory,product:workshop,,260\ncategory,product:nowhere,,260\n"
    wrong = ana.post(f"{MAPPING}/import", {"file": (io.BytesIO(rows.encode()), "mapping.csv")})
    assert wrong.status_code == 422
    assert "HoopAI has not used this here." in wrong.text
    assert "product:workshop" not in mapped(site)
    assert ana.post(f"{MAPPING}/import", {"text": rows, "good": "1"}).status_code == 303
    assert mapped(site)["product:workshop"] == OTHER


def test_one_change_is_restored_from_the_history(site: Flask, ana: Browser) -> None:
    name = "category:product:workshop"
    ana.post(MAPPING, {name: OTHER, f"was:{name}": "", "sure": "1"})
    assert "260 – Workshops and other" in ana.get(f"{MAPPING}/history").text
    ana.post(f"{MAPPING}/history/1/restore", {"change": "1"})
    assert "product:workshop" not in mapped(site)


def test_a_viewer_changes_nothing(site: Flask, viewer: Browser) -> None:
    for path in ("/suggestions", "/last-invoices", "/import", "/copy", "/questions", "/history/1/restore"):
        assert viewer.post(f"{MAPPING}{path}").status_code == 403
    assert viewer.get(f"{MAPPING}/transfer").status_code == 403


def test_in_a_long_chart_accounts_are_typed_and_what_somebody_else_changed_is_still_noticed(
    site: Flask, ana: Browser
) -> None:
    with site.app_context(), transaction() as session:
        connection_id = session.scalars(select(Connection.id)).first() or 0
        session.add_all(
            builders.account(connection_id, f"acc-{n}", f"5{n:03}", f"Account {n}") for n in range(120)
        )
    assert 'list="accounts"' in ana.get(MAPPING).text
    workshop, retainer = "category:product:workshop", "category:product:retainer"
    fields = {workshop: "260 – workshops and other", f"was:{workshop}": "", "sure": "1"}
    fields |= {retainer: "215 – Retainers", f"was:{retainer}": "215 – Retainers"}
    assert ana.post(MAPPING, fields).status_code == 303
    assert mapped(site) == {"product:retainer": ARCHIVED, "product:workshop": OTHER}
    older = ana.post(MAPPING, {workshop: "200 – Sales", f"was:{workshop}": "", "sure": "1"})
    assert older.status_code == 422
    assert "from nothing to 260 – Workshops and other meanwhile" in older.text
    wrong = ana.post(MAPPING, {workshop: "Salse", f"was:{workshop}": "260 – Workshops and other"})
    assert wrong.status_code == 422
    assert "Xero has no such account" in wrong.text
    assert 'value="Salse"' in wrong.text
