"""The buttons: mapping, retrying, leaving out, connecting, pausing, asking."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db
from portal.models import Connection, Mapping, Push, PushState, Source
from portal.services.unit import transaction
from tests.portal.views import builders
from tests.portal.views.browser import Browser
from tests.portal.views.builders import ARCHIVED, OTHER, SALES
from tests.support.portal import HARBOUR

BASE = f"/locations/{HARBOUR}"
MAPPING = f"{BASE}/settings/integrations/xero/account-mapping"


def blocked(site: Flask) -> int:
    with site.app_context():
        return len(db.session.scalars(select(Push.id).where(Push.state == PushState.BLOCKED)).all())


def mapped(site: Flask, key: str) -> str | None:
    with site.app_context():
        return db.session.scalar(select(Mapping.account_id).where(Mapping.key == key))


def test_saving_a_mapping_frees_what_waited_for_it_and_says_how_many(site: Flask, ana: Browser) -> None:
    before = blocked(site)
    answer = ana.post(MAPPING, {"category:product:workshop": OTHER, "was:category:product:workshop": ""})
    assert answer.status_code == 303
    page = ana.get(answer.headers["Location"])
    assert "1 choice saved. 1 document waited for this and is on the way now." in page.text
    assert blocked(site) == before - 1


def test_replacing_an_archived_account_frees_what_it_blocked(site: Flask, ana: Browser) -> None:
    name = "category:product:retainer"
    page = ana.get(MAPPING)
    assert "215 – Retainers (archived in Xero)" in " ".join(page.text.split())
    answer = ana.post(MAPPING, {name: SALES, f"was:{name}": ARCHIVED, "sure": "1"})
    assert "1 document waited" in ana.get(answer.headers["Location"]).text
    assert mapped(site, "product:retainer") == SALES


def test_a_default_account_frees_every_unmapped_category(site: Flask, ana: Browser) -> None:
    answer = ana.post(MAPPING, {"default:account": SALES, "was:default:account": ""})
    assert "1 document waited" in ana.get(answer.headers["Location"]).text


def test_a_refused_choice_is_told_at_its_field_and_keeps_what_was_typed(site: Flask, ana: Browser) -> None:
    answer = ana.post(
        MAPPING,
        {
            "category:product:workshop": OTHER,
            "was:category:product:workshop": "",
            "tax:gst": "EXEMPTOUTPUT",
            "was:tax:gst": "OUTPUT",
        },
    )
    assert answer.status_code == 422
    text = " ".join(answer.text.split())
    assert "GST is 10 % in HoopAI, but GST Free Income is 0 % in Xero. Choose a rate of 10 %." in text
    assert 'aria-invalid="true" aria-describedby="tax:gst-error"' in text
    assert f'<option value="{OTHER}" selected>' in text
    assert "Nothing was saved" in text
    assert mapped(site, "product:workshop") is None


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("category:product:workshop", "acc-bank", "takes no invoice lines in Xero"),
        ("category:product:workshop", ARCHIVED, "is archived in Xero"),
        ("category:product:workshop", "made-up", "Xero has no such account"),
        ("payment:default", SALES, "takes no payments"),
        ("tax:none", "OUTPUT", "No tax is 0 %"),
        ("tax:gst", "NOPE", "Xero has no such tax rate"),
    ],
)
def test_only_eligible_choices_are_accepted(ana: Browser, field: str, value: str, sentence: str) -> None:
    answer = ana.post(MAPPING, {field: value})
    assert answer.status_code == 422
    assert sentence in answer.text


def test_only_eligible_accounts_are_offered(ana: Browser) -> None:
    page = ana.get(f"{MAPPING}/category?key=product:workshop").text
    assert f'value="{SALES}"' in page
    assert f'value="{OTHER}"' in page
    assert ARCHIVED not in page
    assert "acc-bank" not in page


def test_an_old_page_does_not_take_back_what_somebody_else_saved(site: Flask, ana: Browser) -> None:
    ana.post(MAPPING, {"category:product:workshop": OTHER, "was:category:product:workshop": ""})
    ana.post(
        MAPPING,
        {
            "category:product:workshop": "",
            "was:category:product:workshop": "",
            "payment:default": "acc-bank",
            "was:payment:default": "acc-bank",
        },
    )
    assert mapped(site, "product:workshop") == OTHER


def test_saving_with_htmx_answers_the_table_and_a_toast(ana: Browser) -> None:
    data = {"category:product:workshop": OTHER}
    answer = ana.client.post(
        MAPPING, data=data, headers={"HX-Request": "true", "X-CSRFToken": ana.token()}, follow_redirects=True
    )
    followed = ana.get(MAPPING, HX_Request="true")
    assert answer.status_code == 200
    assert "Account Mapping</h1>" not in followed.text


def test_one_cause_is_retried_with_one_button(site: Flask, ana: Browser) -> None:
    page = ana.get(f"{BASE}/troubleshooting")
    assert "The books are locked for these dates" in page.text
    assert "No account is chosen for a category: Workshops" in page.text
    before = blocked(site)
    answer = ana.post(f"{BASE}/troubleshooting/retry", {"group": "refused|lock"})
    page = ana.get(answer.headers["Location"])
    assert "1 document tried again now." in page.text
    assert "<progress" in page.text
    assert blocked(site) == before - 1
    answer = ana.post(f"{answer.headers['Location']}/stop")
    assert "1 document called off." in ana.get(answer.headers["Location"]).text
    assert blocked(site) == before
    assert "The books are locked for these dates" in ana.get(f"{BASE}/troubleshooting").text


def test_all_checks_are_run_now_also_without_javascript(ana: Browser) -> None:
    answer = ana.post(f"{BASE}/troubleshooting/checks")
    page = " ".join(ana.get(answer.headers["Location"]).text.split())
    assert "4 of 4 steps settled" in page
    assert "Last run" in ana.get(f"{BASE}/troubleshooting").text


def test_the_checks_go_on_step_by_step_and_can_be_stopped(ana: Browser) -> None:
    begun = ana.post(f"{BASE}/troubleshooting/checks", HX_Request="true")
    run = begun.headers["Location"]
    assert "0 of 4 steps settled so far" in " ".join(ana.get(run, HX_Request="true").text.split())
    step = ana.post(f"{run}/step", HX_Request="true")
    assert "1 of 4 steps settled so far" in " ".join(step.text.split())
    ana.post(f"{run}/stop")
    page = " ".join(ana.get(run).text.split())
    assert "Stopped; 3 left out." in page
    assert "hx-post" not in page.partition('id="run"')[2].partition(">")[0]


def test_chosen_rows_are_left_out_and_stay_visible(site: Flask, ana: Browser) -> None:
    with site.app_context():
        ids = [
            str(each) for each in db.session.scalars(select(Push.id).where(Push.state == PushState.BLOCKED))
        ]
    answer = ana.post(f"{BASE}/sync-activity/skip", {"push": ids})
    assert f"{len(ids)} documents will not be sent." in ana.get(answer.headers["Location"]).text
    assert blocked(site) == 0
    assert "Skipped by Ana Whitlock<" in ana.get(f"{BASE}/sync-activity?state=not-sent").text


def test_pushes_of_another_location_are_left_alone(site: Flask, ana: Browser) -> None:
    with site.app_context():
        other = builders.connect_second()
        builders.fill(other, (builders.PLANS[6],))
        push_id = db.session.scalar(select(Push.id).where(Push.location_id == other))
        db.session.remove()
    ana.post(f"{BASE}/sync-activity/skip", {"push": str(push_id)})
    with site.app_context():
        assert db.session.get_one(Push, push_id).state == PushState.BLOCKED


def test_choosing_nothing_is_said(ana: Browser) -> None:
    answer = ana.post(f"{BASE}/sync-activity/retry")
    assert "Choose at least one document" in ana.get(answer.headers["Location"]).text


def test_an_invoice_is_retried_and_left_out_on_its_page(site: Flask, ana: Browser) -> None:
    before = blocked(site)
    ana.post(f"{BASE}/invoices/inv4/retry")
    assert blocked(site) == before - 1
    answer = ana.post(f"{BASE}/invoices/inv5/skip")
    assert "1 document will not be sent." in ana.get(answer.headers["Location"]).text


def test_connect_leads_to_xeros_consent_page(site: Flask, ana: Browser) -> None:
    path = f"{BASE}/settings/integrations/xero/connect"
    answer = ana.get(path)
    assert answer.status_code == 303
    assert "/xero/identity/connect/authorize?" in answer.headers["Location"]
    assert "code_challenge=" in answer.headers["Location"]
    assert "/settings/integrations" in ana.get(path, Sec_Fetch_Site="cross-site").headers["Location"]


def test_an_answer_of_xero_that_nobody_asked_for_changes_nothing(site: Flask, ana: Browser) -> None:
    answer = ana.get("/integrations/xero/callback?state=made-up&code=x")
    assert answer.status_code == 303
    assert "can no longer be finished here" in ana.get(answer.headers["Location"]).text


def test_pausing_and_resuming_is_shown_everywhere(site: Flask, ana: Browser) -> None:
    xero = f"{BASE}/settings/integrations/xero"
    ana.post(f"{xero}/pause")
    assert "Sending to Xero is paused" in ana.get(f"{BASE}/invoices").text
    assert "Paused by Ana Whitlock." in ana.get(xero).text
    ana.post(f"{xero}/resume")
    with site.app_context():
        assert db.session.scalars(select(Connection.state)).one() == "connected"


def test_the_webhook_secret_is_shown_only_after_asking(site: Flask, ana: Browser, viewer: Browser) -> None:
    with site.app_context():
        from portal.services import sources

        source = db.session.scalars(select(Source).order_by(Source.id)).first()
        assert source is not None
        secret, token = sources.secret(source), source.hook_token
    integrations = f"{BASE}/settings/integrations"
    assert token in ana.get(integrations).text
    assert secret not in ana.get(integrations).text
    assert secret not in ana.get(f"{integrations}/hoopai/secret").text
    assert secret in ana.post(f"{integrations}/hoopai/secret").text
    assert viewer.post(f"{integrations}/hoopai/secret").status_code == 403


def test_a_location_without_a_connection_says_what_to_do_next(ana: Browser) -> None:
    kauri = "/locations/locK3wN8sT1uC6mRd5Eb"
    assert "Connect to Xero" in ana.get(f"{kauri}/settings/integrations").text
    assert "Connect to Xero first" in ana.get(f"{kauri}/invoices").text
    assert "Connect to Xero first" in ana.get(f"{kauri}/settings/integrations/xero/account-mapping").text
    assert "No Xero organisation is connected." in ana.get(f"{kauri}/troubleshooting").text


def test_the_detail_of_an_invoice_shows_both_sides_and_xeros_exact_words(ana: Browser) -> None:
    page = ana.get(f"{BASE}/invoices/inv0").text
    assert "Open in Xero" in page
    assert "organisationlogin/default.aspx?shortcode=!H4rb1" in page
    assert "k" * 32 in page
    assert "&#34;Total&#34;: 1300" in page
    assert "hx-trigger" not in page.split('id="story"')[1].split(">")[0]


def test_only_a_list_with_something_unsettled_polls(site: Flask, ana: Browser) -> None:
    assert 'hx-trigger="every' in ana.get(f"{BASE}/invoices").text
    assert 'hx-trigger="every' not in ana.get(f"{BASE}/invoices?state=sent").text


def test_a_fragment_brings_the_counts_around_it_along(ana: Browser) -> None:
    answer = ana.get(f"{BASE}/invoices", HX_Request="true")
    assert answer.text.count('hx-swap-oob="true"') == 3
    assert "3 documents need you" in answer.text
    assert "hx-swap-oob" not in ana.get(f"{BASE}/invoices").text


def test_when_the_days_calls_are_used_the_card_and_the_panel_say_what_still_goes(
    site: Flask, ana: Browser
) -> None:
    with site.app_context(), transaction() as session:
        row = session.query(Connection).join(Connection.location).filter_by(hoop_id=HARBOUR).one()
        row.day_used_at, row.day_used_until = clock.now(), clock.now() + timedelta(hours=3)
    panel = ana.get(f"{BASE}/settings/integrations/xero").get_data(as_text=True)
    assert "What is left of today is kept for new invoices and for what you retry by hand." in panel
