"""Sentences and pictures of the first page, without a deployment."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from serving.console import glance
from serving.console.words import make_words
from serving.explain.language import LANGUAGES
from serving.overview.changes import Changes
from serving.overview.today import Overview
from serving.scoring.score_history import Recorded, Total
from serving.settings import TextSettings
from training.monitoring.alerts import Judged
from training.monitoring.settings import Measure

WORDS = make_words(TextSettings(currency="EUR"))
DAYS = [datetime(2024, 3, day, tzinfo=UTC) for day in (1, 8)]


def overview(*line: Recorded, has_value: bool = True) -> Overview:
    tiers = [("high", Total(2, 30.0)), ("inactive", Total(5, 0.0))]
    changes = Changes(DAYS[0], DAYS[1], 50.0, 30.0, (), (), (), (), ())
    return Overview(DAYS[1], Total(7, 30.0), has_value, tiers, [], (), line, changes)


def test_figures_lead_with_money_and_its_change() -> None:
    first, second = glance.figures(overview(), WORDS["en"])
    assert (first.value, first.note) == ("€30", "-€20 since Mar 1, 2024")
    assert (second.value, second.href) == ("2", "/console/customers?tier=high&sort=-value_at_risk")


def test_without_a_value_model_no_money_is_shown() -> None:
    found = overview(has_value=False)
    assert [(one.value, one.note) for one in glance.figures(found, WORDS["en"])] == [("2", "")]
    assert glance.by("tier", found.tiers, found, WORDS["en"]).series[0].texts == ["2", "5"]
    assert glance.line(found, WORDS["en"]) is None


def test_the_line_has_a_value_for_each_record() -> None:
    records = [Recorded(day, day, False, (), Total(7, 40.0), {"high": Total(1, 10.0)}, {}) for day in DAYS]
    picture = glance.line(overview(*records), WORDS["en"])
    assert picture is not None
    assert [list(one.values) for one in picture.series] == [[40.0, 40.0], [10.0, 10.0]]
    assert picture.unit == "EUR"
    assert glance.line(overview(records[0]), WORDS["en"]) is None


@pytest.mark.parametrize(("after", "said"), [(80.0, "rose by €30"), (20.0, "fell by €30"), (50.0, "as before")])
def test_the_summary_says_which_way_it_went(after: float, said: str) -> None:
    assert said in glance.summary(Changes(DAYS[0], DAYS[1], 50.0, after, (), (), (), (), ()), WORDS["en"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("measure", get_args(Measure))
def test_every_alert_is_said_in_every_language(language: str, measure: Measure) -> None:
    for low, high in ((1.0, None), (None, 2.0), (1.0, 2.0)):
        text = glance.alert(Judged("rule", measure, 3.0, low, high, ""), WORDS[language])
        assert "{" not in text
        assert "3" in text


def test_an_alert_says_figure_and_limit() -> None:
    one = Judged("rule", "value_at_risk", 1200.0, None, 1000.0, "")
    assert glance.alert(one, WORDS["en"]) == "Value at risk: €1,200 (should be at most €1,000)"
