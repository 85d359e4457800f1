"""Filters of the list of customers as a rule: it holds for the customers that were listed."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from core.settings import StoreSettings
from serving.scoring.listing import Listing
from serving.scoring.part import Column
from serving.scoring.score_table import Kept, ScoreTable
from serving.segments.columns import RuleColumn
from serving.segments.filters import rule_of
from serving.segments.population import Population
from serving.segments.rules import Condition, written

NOW = datetime(2024, 5, 1, tzinfo=UTC)
RISKS = {"a": 0.2, "b": 0.5, "c": None, "d": 0.7, "e": 1.0}
TIERS = {"a": "low", "b": "medium", "c": None, "d": "high", "e": "high"}


@pytest.fixture
def table(tmp_path: Path) -> ScoreTable:
    made = ScoreTable(StoreSettings(data=tmp_path), (Column("risk", "number", ""), Column("tier", "text", "")))
    for customer, risk in RISKS.items():
        cells = {customer: {"risk": risk, "tier": TIERS[customer]}}
        made.keep("risk", {customer: Kept("model", NOW, NOW, True, b"{}")}, 0, cells)
    return made


@pytest.fixture
def population() -> Population:
    columns = {"risk": RuleColumn("risk", "number", "scores"), "tier": RuleColumn("tier", "text", "scores")}
    risks = np.array([np.nan if risk is None else risk for risk in RISKS.values()])
    texts = np.array(list(TIERS.values()), dtype=object)
    return Population(list(RISKS), NOW, columns, {"risk": risks}, {"tier": texts})


@pytest.mark.parametrize(
    "filters",
    [
        {"least": {"risk": 0.5}},
        {"most": {"risk": 0.5}},
        {"least": {"risk": 0.5}, "most": {"risk": 0.7}},
        {"equal": {"tier": "high"}, "most": {"risk": 0.9}},
        {"one_of": {"tier": ["high", "medium"]}},
        {"one_of": {"tier": ["low"]}, "least": {"risk": 0.1}},
    ],
)
def test_a_rule_holds_for_the_customers_that_were_listed(
    table: ScoreTable, population: Population, filters: dict[str, dict[str, float]]
) -> None:
    listing = Listing(**{"equal": {}, "least": {}, "most": {}, **filters})  # type: ignore[arg-type]
    rule = rule_of(listing)
    assert rule is not None
    listed = [row.customer_id for row in table.list(listing, 10)]
    assert 0 < len(listed) < len(RISKS)
    assert population.chosen(population.members(rule)) == listed


def test_the_rule_of_a_segment_comes_first() -> None:
    segment = Condition(column="amount", at_least=100)
    listing = Listing({"tier": "high"}, {}, {})
    rule = rule_of(listing, within=segment)
    assert rule is not None
    assert written(rule) == {"all": [{"column": "amount", "at_least": 100}, {"column": "tier", "equals": "high"}]}
    assert rule_of(Listing({}, {}, {}), within=segment) == segment


def test_no_filter_is_no_rule() -> None:
    assert rule_of(Listing({}, {}, {}, sort="risk", begins="a")) is None
