"""Results of campaigns in words: a difference below zero is fewer, never a negative number of more."""

import pytest

from serving.campaigns.report import CampaignReport
from serving.console.results import Names, ResultWriter
from serving.console.words import make_words
from serving.explain.language import LANGUAGES
from serving.settings import TextSettings
from training.effects.difference import Effect
from training.effects.findings import ArmReport, Found, Money, Verdict
from training.effects.measured import MeasuredEffect
from training.effects.outcomes import Measure
from training.effects.report import EffectReport

WORDS = make_words(TextSettings(currency="USD"))


def writer(language: str) -> ResultWriter:
    return ResultWriter(Names(WORDS[language], None, {}))


def report(measure: Measure, verdict: Verdict, low: float, high: float) -> CampaignReport:
    """Return a report with one difference."""
    value = (low + high) / 2
    found = {measure: Found(Effect(value, low, high, 0.1, 0.5, 1.0, 100, 100), low, high, 0.5, 1)}
    arm = ArmReport("call", 100, 100, 100, 100, 0, found, verdict, None, None, Money(None, None, None, None))
    effects = EffectReport((), measure, 28, 200, 200, 0, True, "fixed", arm, (arm,), (), None)
    return CampaignReport(effects, {})


@pytest.mark.parametrize(
    ("measure", "low", "high", "english", "chinese"),
    [
        ("retained", -0.051, 0.093, "between 5.1 fewer and 9.3 more", "介于少 5.1 名与多 9.3 名之间"),
        ("retained", 0.02, 0.08, "2 to 8 more", "多 2 至 8 名"),
        ("retained", -0.0001, 0.08, "0 to 8 more", "多 0 至 8 名"),
        ("retained", -0.08, -0.02, "2 to 8 fewer", "少 2 至 8 名"),
        ("orders", -0.648, 0.66, "between 64.8 fewer and 66 more", "介于少 64.8 次与多 66 次之间"),
        ("revenue", -23.44, 24.18, "between $23.44 less and $24.18 more", "介于少 US$23.44 与多 US$24.18 之间"),
        ("margin", -3.0, -1.5, "$1.50 to $3.00 less", "少 US$1.50 至 US$3.00"),
    ],
)
def test_an_end_below_zero_is_fewer(measure: Measure, low: float, high: float, english: str, chinese: str) -> None:
    for language, words in (("en", english), ("zh", chinese)):
        (row,) = writer(language).differences(report(measure, "no_effect_seen", low, high))
        assert row.range == words


def test_a_result_says_between_fewer_and_more() -> None:
    found = report("retained", "no_effect_seen", -0.051, 0.093)
    assert writer("en").sentence(found) == (
        "No effect was seen: of 100 customers between 5.1 fewer and 9.3 more stayed, so it may be nothing."
    )
    assert "留下的人数介于少 5.1 名与多 9.3 名之间" in writer("zh").sentence(found)
    harm = report("retained", "harm", -0.08, -0.02)
    assert writer("en").sentence(harm) == (
        "Of 100 customers about 5 fewer stayed than without a contact (2 to 8 fewer)."
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("measure", ["retained", "orders"])
def test_no_range_of_all_campaigns_has_a_sign(measure: Measure, language: str) -> None:
    for low, high in ((-0.05, 0.09), (-0.09, -0.05), (0.05, 0.09)):
        one = MeasuredEffect("call", "all", "", measure, (low + high) / 2, low, high, 100, 100, ())
        (row,) = writer(language).measured([one])
        assert "-" not in row.range
        assert "9" in row.range
