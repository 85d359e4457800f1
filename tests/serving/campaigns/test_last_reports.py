"""The last report of a campaign is shown as it was made, and showing it is no look."""

from pathlib import Path

import pytest

from serving.campaigns.checks import check_text
from serving.campaigns.kept import Kept
from serving.campaigns.report import Asked
from serving.campaigns.service import Campaigns
from serving.explain.language import LANGUAGES
from serving.explain.wording import Writer
from tests.contract_tables import written
from tests.serving.campaigns.shops import Shop
from tests.training.effects.test_outcomes import line
from training.effects.findings import Check

#: Every sentence that a check may say.
_CASES = {
    "sample_ratio": ("not_checked", "ok", "alarm"),
    "contamination": ("not_checked", "ok", "alarm"),
    "other_campaigns": ("not_checked", "ok", "alarm"),
    "looks": ("once", "to_come", "looked", "to_come_wait", "looked_wait"),
}
_FIGURES = {"contacted": 9.0, "holdout": 0.25, "share": 0.02, "arms": 0.5, "p_value": 0.0001, "looks": 3.0}


def started(folder: Path) -> tuple[Shop, Campaigns]:
    """Start a campaign of a shop whose exports have come in."""
    shop = Shop.of(folder)
    campaigns = shop.started("spring")
    written(shop.stores.data, transactions=[line("c000", "o", shop.now)])
    return shop, campaigns


def test_a_report_is_kept_as_it_was_made(tmp_path: Path) -> None:
    shop, campaigns = started(tmp_path)
    assert campaigns.reports.one("spring") is None
    made = campaigns.report("spring", Asked(), shop.now)
    last = shop.open().reports.one("spring")
    assert last is not None
    assert last.made == shop.now
    # with numbers that are not known, which no comparison finds equal
    assert repr(last.report) == repr(made)
    assert set(campaigns.reports.all()) == {"spring"}


def test_a_look_counts_once_and_another_question_does_not_take_its_place(tmp_path: Path) -> None:
    shop, campaigns = started(tmp_path)
    campaigns.report("spring", Asked(), shop.now)
    for _ in range(3):
        campaigns.reports.one("spring")
        campaigns.reports.all()
    assert campaigns.store.looks("spring") == 1
    campaigns.report("spring", Asked(days=3), shop.now)
    assert campaigns.store.looks("spring") == 2
    last = campaigns.reports.one("spring")
    assert last is not None
    assert last.report.effects.days == Asked().days


def test_progress_counts_who_was_handed_over_and_what_that_costs(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path, policy={"capacity": {"phone": 5}})
    campaigns = shop.started("spring")
    kept: Kept = campaigns.store.one("spring")
    campaigns.export("spring", "phone", "csv", shop.now)
    call, held = campaigns.progress("spring")
    assert (call.arm, call.channel, call.assigned, call.handed_over) == ("call", "phone", kept.plan.contacted, 5)
    assert call.cost == pytest.approx(5 * 4.0)
    assert call.waiting == kept.plan.contacted - 5
    assert (held.channel, held.assigned, held.handed_over, held.waiting) == (None, kept.plan.held_out, 0, 0)
    assert campaigns.progress() == [call, held]
    assert campaigns.progress("summer") == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_has_a_sentence_in_every_language(language: str) -> None:
    writer, sentences = Writer(language), set()
    for name, cases in _CASES.items():
        for case in cases:
            counts = {"call": (90, 100.0), "holdout": (10, 0.0)} if name == "sample_ratio" else {}
            check = Check(name, "ok", case, "", _FIGURES, counts)
            sentences.add(check_text(writer, check, str.upper))
    assert len(sentences) == sum(map(len, _CASES.values()))
    of_ratio = check_text(writer, Check("sample_ratio", "alarm", "alarm", "", {}, {"call": (90, 100.0)}), str.upper)
    assert writer.quoted("CALL") in of_ratio
    assert "90" in of_ratio
    assert "50%" in check_text(writer, Check("other_campaigns", "ok", "ok", "", _FIGURES))
