"""docs/xero-messages.md and the table of Xero's known messages say the same, both ways."""

import re
from pathlib import Path

from portal.services import problems
from portal.xero import messages

PAGE = Path(__file__).parents[3] / "docs" / "xero-messages.md"
WHO = {"you": "You", "bookkeeper": "Your bookkeeper, in Xero", "us": "The portal's operator"}


def test_every_known_message_is_explained_by_its_own_code() -> None:
    assert len(messages.ALL) >= 46
    for code, known in messages.ALL.items():
        found = messages.explain(known.said)
        assert found is not None, known.said
        assert found.code == code, known.said


def test_the_handbook_and_the_table_say_the_same() -> None:
    entries = dict(re.findall(r"^## (XH\d{3})\n\n(.*?)(?=\n\n## |\Z)", PAGE.read_text(), re.M | re.S))
    assert set(entries) == set(messages.ALL)
    for code, known in messages.ALL.items():
        said = f"**{known.sentence}** {known.why}\n\nXero says: `{known.said}`\n\n"
        assert entries[code].strip() == f"{said}Who: {WHO[known.who]}. {known.next_step}", code


def test_each_code_leads_to_one_advice_with_an_owner_and_a_next_step() -> None:
    for code, known in messages.ALL.items():
        advice = problems.advice("refused", f"{code}:{known.said}")
        assert (advice.code, advice.title) == (code, known.sentence.rstrip("."))
        assert advice.meaning
        assert advice.fix
        assert str(advice.owner) == WHO[known.who]
    unknown = problems.advice("refused", "xero:The moon is in the wrong house")
    assert "not known to us yet" in unknown.title
    assert unknown.code is None


def test_the_same_message_about_the_same_account_is_one_group() -> None:
    said = "Account code '{}' is not a valid code for this document."
    keys = [
        problems.group_of(f"XH007:{said.format(code)} {more}")
        for code, more in (("9", "A"), ("9", "B"), ("8", ""))
    ]
    assert keys == ["XH007:9", "XH007:9", "XH007:8"]
    assert problems.group_of("number:1042") == problems.group_of("number:1043")
