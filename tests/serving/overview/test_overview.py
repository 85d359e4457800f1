"""All customers as tables, plain values and pictures, counted again from the answers about each of them."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from core.errors import DataError
from serving.cli.app import app
from serving.explain.language import LANGUAGES
from serving.explain.wording import make_writers
from serving.overview.everyone import Everyone, Moved, read_everyone, read_moved
from serving.overview.pictures import draw
from serving.overview.summary import Summaries
from serving.overview.tables import moved_tables, plain, tables
from serving.settings import TextSettings
from tests.conftest import Scoring, World, inside

pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def everyone(world: World, scoring: Scoring) -> Everyone:
    with inside(world.directory):
        return read_everyone(scoring.reloader.deployment)


@pytest.fixture(scope="module")
def moved(world: World, scoring: Scoring, everyone: Everyone) -> Moved:
    with inside(world.directory):
        return read_moved(scoring.reloader.deployment, everyone)


@pytest.fixture(scope="module")
def answers(scoring: Scoring, everyone: Everyone) -> Sequence[Any]:
    return scoring.ask(everyone.placed.customers, "value", "segments")


def test_counts_are_those_of_the_answers(everyone: Everyone, moved: Moved, answers: Sequence[Any]) -> None:
    found = plain(everyone, moved)
    assert found["customers"] == len(answers) > 300
    values = [one.parts["value"].value for one in answers]
    places = [one.parts["segments"].value for one in answers]
    for name, own in (
        ("value_tier", [one.tier for one in values]),
        ("value_field", [one.field for one in values]),
        ("rfm_group", [one.rfm.group if one.rfm else None for one in places]),
        ("stage", [one.stage for one in places]),
    ):
        counted = Counter(one.name for one in own if one is not None)
        assert {row["name"]: row["customers"] for row in found[name] if row["customers"]} == counted
    total = sum(one.lifetime.total for one in values if one.lifetime is not None)
    assert sum(row["lifetime_value"] for row in found["value_tier"]) == pytest.approx(total)
    at_risk = sum(one.at_risk for one in values if one.at_risk is not None)
    assert sum(row["value_at_risk"] for row in found["value_tier"]) == pytest.approx(at_risk)
    assert sum(row["customers"] for row in map(vars_of, found["channels"])) == len(values)
    assert sum(row["customers"] for row in map(vars_of, found["cohorts"])) == len(values)


def vars_of(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("name", "customers", "clv")}


def test_money_is_shared_out_whole_and_the_best_tenth_first(everyone: Everyone) -> None:
    assert everyone.worth is not None
    amounts = np.sort(np.nan_to_num(everyone.placed.columns["amount_total"]))[::-1]
    fifth = amounts[: round(len(amounts) / 5)].sum() / amounts.sum()
    for one in (everyone.worth.revenue, everyone.worth.earned):
        assert one is not None
        assert one.deciles.sum() == pytest.approx(1)
        assert list(one.deciles) == sorted(one.deciles, reverse=True)
        assert one.best_fifth == pytest.approx(one.deciles[:2].sum())
    assert everyone.worth.revenue is not None
    assert everyone.worth.revenue.best_fifth == pytest.approx(fifth, abs=0.01)


def test_movements_are_between_two_moments(everyone: Everyone, moved: Moved) -> None:
    assert (moved.until - moved.since).days >= 84
    for counted, now in ((moved.groups, everyone.standing.rfm_group), (moved.stages, everyone.standing.stage)):
        after = Counter[str]()
        for row in counted.rows():
            after[str(row["after"])] += int(row["customers"])
        assert dict(after) == {name: count for name, count in Counter(now.tolist()).items() if name}
    assert any(row["before"] != row["after"] for row in moved.stages.rows())


def test_the_summary_is_that_of_everyone_and_computed_once(
    world: World, scoring: Scoring, everyone: Everyone, moved: Moved, answers: Sequence[Any]
) -> None:
    deployment, summaries = scoring.reloader.deployment, Summaries()
    assert summaries.ready(deployment) is None
    with inside(world.directory):
        found = summaries.of(deployment)
    assert summaries.of(deployment) is found is summaries.ready(deployment)
    listed = plain(everyone, moved)
    for column in ("rfm_group", "stage", "value_tier", "value_field"):
        assert [asdict(one) for one in found.by[column]] == listed[column]
    assert found.moved is not None
    assert found.moved.stages.rows() == moved.stages.rows()
    places = [one.parts["segments"].value for one in answers]
    assert found.grid == Counter((one.rfm.recency, one.rfm.group.name) for one in places if one.rfm is not None)
    clusters = Counter(one.cluster.name for one in places if one.cluster is not None)
    assert {one.name: one.customers for one in found.by.get("cluster", [])} == clusters


def test_a_moment_before_there_are_features_is_refused(world: World, scoring: Scoring, everyone: Everyone) -> None:
    with inside(world.directory), pytest.raises(DataError, match="Expected a moment from 2017-"):
        read_moved(scoring.reloader.deployment, everyone, datetime(2016, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_and_pictures_are_in_the_readers_language(
    world: World, everyone: Everyone, moved: Moved, language: str
) -> None:
    writer = make_writers(world.settings[TextSettings])[language]
    sheets = [*tables(everyone, writer), *moved_tables(moved, writer)]
    assert [len(sheet.rows) for sheet in sheets[:2]] == [5, 4]
    assert sheets[0].rows[0][0] == writer.say("value_tier.diamond")
    figures = draw(everyone, moved, writer)
    assert set(figures) == {"rfm", "group_movements", "stage_movements", "lorenz"}
    assert all(figure().axes for figure in figures.values())


def test_the_commands_print_them(at_home: World, tmp_path: Path) -> None:
    runner = CliRunner()
    printed = runner.invoke(app, ["value", "report", "--format", "json"])
    assert printed.exit_code == 0, printed.output
    found = json.loads(printed.stdout)
    assert found["movements"]["stage"]
    assert found["assumptions"]
    printed = runner.invoke(app, ["value", "report", "--pictures", str(tmp_path / "pictures")])
    assert printed.exit_code == 0, printed.output
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        *("rfm.png", "group_movements.png", "stage_movements.png", "lorenz.png")
    }
    printed = runner.invoke(app, ["value", "show", "12"])
    assert printed.exit_code == 0, printed.output
    assert "Worth" in printed.stdout
    assert all(len(line) <= 80 for line in printed.stdout.splitlines())
