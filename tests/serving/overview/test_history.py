"""What the history keeps of the world: the score table as it is, and the past as today's models see it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import pandas as pd
import pytest

from core.settings import Settings, StoreSettings
from serving.overview.history import keep_history, models_of
from serving.overview.past import MOMENTS, past_records
from serving.overview.today import Overviews
from serving.parts import make_scoring
from serving.scoring.deployment import Deployment
from serving.scoring.export import materialize_scores
from serving.scoring.score_history import ScoreHistory
from serving.scoring.score_table import ScoreTable
from tests.conftest import NOW, World, copied
from training.churn.settings import ChurnSettings

pytestmark = pytest.mark.world
PARTS = ("risk", "value", "reasons", "segments")


@dataclass(frozen=True)
class Kept:
    """A copy of the world whose scores were computed ahead, and kept."""

    settings: Settings
    deployment: Deployment
    table: ScoreTable
    customers: list[str]

    def keep(self) -> int:
        """Keep the scores of now."""
        return keep_history(self.deployment, self.table, self.customers, self.deployment.ground.online.as_of, NOW)


@pytest.fixture(scope="module")
def kept(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with copied(world, tmp_path_factory.mktemp("kept")) as settings:
        service, reloader = make_scoring(settings, lambda: NOW)
        deployment = reloader.load()
        online = deployment.ground.online
        customers = deployment.ground.store.customers(ChurnSettings.service, online.as_of)
        materialize_scores(service, deployment, customers, online.as_of, PARTS)
        found = Kept(settings, deployment, service.table, customers)
        assert found.keep() == MOMENTS + 1
        yield found


def test_scored_again_at_the_moment_of_now_everybody_is_as_in_the_score_table(kept: Kept) -> None:
    recorded = ScoreHistory(kept.settings).recorded(models_of(kept.deployment))[-1]
    now = ScoreHistory(kept.settings).record(recorded)
    ((moment, again),) = past_records(kept.deployment, kept.customers, [recorded.as_of])
    assert moment == recorded.as_of == kept.deployment.ground.online.as_of
    assert now is not None
    assert len(now) == len(kept.customers)
    pd.testing.assert_frame_equal(
        again.set_index("customer_id").sort_index(), now.set_index("customer_id").sort_index(), check_dtype=False
    )
    assert now["value_at_risk"].sum() == pytest.approx(recorded.all.value_at_risk)


def test_the_first_record_comes_with_those_of_earlier_weeks_and_later_ones_alone(kept: Kept) -> None:
    records = ScoreHistory(kept.settings)
    before = records.recorded(models_of(kept.deployment))
    assert [one.later for one in before] == [True] * MOMENTS + [False]
    assert {after.as_of - one.as_of for one, after in pairwise(before)} == {timedelta(days=7)}
    # nobody is known before the first purchase
    assert before[0].all.customers <= before[-1].all.customers == len(kept.customers)
    assert kept.keep() == 1
    assert records.recorded(models_of(kept.deployment)) == before


def test_what_was_interrupted_before_the_record_of_now_is_done_again(kept: Kept) -> None:
    records = ScoreHistory(kept.settings)
    state = records.state(models_of(kept.deployment))
    newest = records.recorded(models_of(kept.deployment))[-1]
    for file in (kept.settings[StoreSettings].data / "history").glob(f"*/{newest.day}.*"):
        file.unlink()
    assert kept.keep() == MOMENTS + 1
    assert [name for name, _ in records.state(models_of(kept.deployment))] == [name for name, _ in state]


def test_the_overview_adds_up_and_says_what_changed(kept: Kept) -> None:
    found = Overviews(kept.settings, kept.table).read(kept.deployment, kept.deployment.ground.online.as_of)
    assert found.all.customers == len(kept.customers)
    assert sum(one.customers for _, one in found.stages) == found.all.customers
    assert found.changes is not None
    assert found.changes.after == pytest.approx(found.all.value_at_risk)
    assert sum(one.change for one in found.changes.causes) == pytest.approx(found.changes.after - found.changes.before)


def test_the_first_customers_are_those_at_risk_with_the_most_at_stake(kept: Kept) -> None:
    rows = Overviews(kept.settings, kept.table).first(("high",), 3)
    ids, columns = kept.table.every()
    everyone = zip(ids, columns["tier"], columns["value_at_risk"], strict=True)
    expected = sorted((one for one in everyone if one[1] == "high"), key=lambda one: -one[2])[:3]
    assert [row.customer_id for row in rows] == [one[0] for one in expected]
