"""Rules in words: one sentence for each kind of condition, groups, and what was found of a rule."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from serving.explain.fields import Fields
from serving.explain.language import LANGUAGES
from serving.explain.wording import Writer
from serving.segments.check import RuleFinding, check_rule
from serving.segments.compare import Trait
from serving.segments.definitions import SegmentDefinition
from serving.segments.rules import Rule, part_at, placed_conditions
from serving.segments.wording import RuleWords, title_of
from serving.settings import TextSettings
from tests.serving.segments import populations as made

RULES: TypeAdapter[Rule] = TypeAdapter(Rule)
STYLE = TextSettings(currency="USD")
RISKY: dict[str, Any] = {"column": "risk", "at_least": 0.5}
STAGES: dict[str, Any] = {"column": "stage", "in": ["declining", "lapsed"]}
SILENT: dict[str, Any] = {"column": "last_purchase", "older_than_days": 90}


def words(language: str = "en", **titles: dict[str, str]) -> RuleWords:
    return RuleWords(Fields(Writer(language, STYLE), titles))


def said(rule: dict[str, Any], language: str = "en") -> str:
    return words(language, cluster={"cluster_1": "Rare purchases"}).rule(RULES.validate_python(rule))


@pytest.mark.parametrize(
    ("rule", "english", "chinese"),
    [
        (RISKY, "Risk of leaving at least 50%", "流失风险至少为 50%"),
        ({"column": "risk", "below": 0.155}, "Risk of leaving below 15.5%", "流失风险低于 15.5%"),
        (STAGES, "Stage “Declining” or “Lapsed”", "阶段为“衰退期”或“已沉默”"),
        (SILENT, "Last purchase more than 90 days ago", "上次购买在 90 天以前"),
        ({"column": "last_purchase", "within_days": 7}, "Last purchase in the last 7 days", "上次购买在最近 7 天内"),
        ({"column": "contract_end", "next_days": 1}, "End of the contract in the next 1 day", "合同到期在未来 1 天内"),
        ({"column": "amount_84d", "between": [12.5, 100]}, "Spending in 84 days from $12.50 to below $100", None),
        ({"column": "cluster", "equals": "cluster_1"}, "Cluster “Rare purchases”", None),
        ({"column": "marketing_consent", "equals": 1}, "Agreed to marketing yes", "同意接收营销为是"),
        ({"column": "risk", "missing": True}, "Risk of leaving not known", "流失风险未知"),
        ({"not": {"column": "risk", "missing": True}}, "Risk of leaving known", "流失风险已知"),
        ({"not": RISKY}, "Risk of leaving below 50% or not known", "流失风险低于 50% 或未知"),
        ({"column": "attribute_home_town", "equals": "Bern"}, "Home town “Bern”", None),
    ],
)
def test_a_condition(rule: dict[str, Any], english: str, chinese: str | None) -> None:
    assert said(rule) == english
    if chinese is not None:
        assert said(rule, "zh") == chinese


def test_groups_say_what_belongs_together() -> None:
    rule = {"all": [RISKY, {"any": [STAGES, SILENT]}, {"not": {"all": [RISKY, SILENT]}}]}
    assert said(rule) == (
        "Risk of leaving at least 50%, and (stage “Declining” or “Lapsed”, or last purchase more than 90 "
        "days ago), and not (risk of leaving at least 50%, and last purchase more than 90 days ago)"
    )
    assert said({"any": [{"all": [RISKY]}, SILENT]}, "zh") == "流失风险至少为 50%，或上次购买在 90 天以前"


@pytest.mark.parametrize("language", LANGUAGES)
def test_findings_name_the_part(language: str) -> None:
    rule = RULES.validate_python(
        {"any": [{"column": "tier", "equals": "high"}, {"not": {"all": [RISKY, {"column": "risk", "below": 0.2}]}}]}
    )
    (never,) = [one for one in check_rule(rule, made.COLUMNS) if one.kind == "always"]
    assert words(language).finding(never, rule)
    assert [part_at(rule, place) for place, _ in placed_conditions(rule)] == [one for _, one in placed_conditions(rule)]
    part = RuleFinding("part_never", "", "any.1.not")
    assert words(language).finding(part, rule).count("50") == 1
    with pytest.raises(KeyError):
        part_at(rule, "all.0")


def test_traits_compare_members_with_others() -> None:
    assert words().trait(Trait("amount_84d", None, "median", 320.0, 180.0, 0.6)) == (
        "Spending in 84 days: usually $320, for other customers $180"
    )
    assert words().trait(Trait("stage", "lost", "share", 0.4, 0.1, 0.7)) == (
        "Stage “Lost”: 40% of the members, 10% of other customers"
    )


def test_a_title_is_that_of_another_language_or_the_name() -> None:
    rule = RULES.validate_python(RISKY)
    assert title_of(SegmentDefinition(name="a", kind="following", titles={"zh": "甲"}, rule=rule), "en") == "甲"
    assert title_of(SegmentDefinition(name="a", kind="following", rule=rule), "zh") == "a"
