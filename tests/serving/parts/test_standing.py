"""The engine of standing: rules alone without a segments model; with one its clusters and its rhythm."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import pytest

from features.store.feature_store import Store
from features.store.materialized import Online
from features.store.online import Vector
from serving.parts.standing import Placed, StandingEngine
from serving.scoring.deployment import Ground
from serving.scoring.models import Loaded, Models
from serving.settings import default_settings
from training.lifecycle.version import Version
from training.segments.model import SegmentsModel

TODAY = datetime(2024, 3, 5, tzinfo=UTC)
#: A customer of two purchases ten days apart, the last one 60 days ago.
QUIET = {
    "last_purchase": (TODAY - timedelta(days=60)).timestamp(),
    "first_purchase": (TODAY - timedelta(days=70)).timestamp(),
    "cycle_purchase_days": 2.0,
    "gap_mean": 10.0,
    "baskets_total": 2.0,
    "amount_total": 20.0,
}
SETTINGS = default_settings()


class Features:
    """A feature store that knows everybody's features at any moment."""

    def __init__(self, customers: Mapping[str, Mapping[str, Any]]) -> None:
        self._customers = customers

    def everyone(self, *_: object) -> Mapping[str, Mapping[str, Any]]:
        return self._customers


def engine(others_gap: float, moment: datetime = TODAY, model: SegmentsModel | None = None) -> StandingEngine:
    """Build the engine where everybody else has a mean gap."""
    others = {f"c{place}": {**QUIET, "gap_mean": others_gap} for place in range(9)}
    version = Version("encore-segments", "4", "run", 0, ("champion",), "", {}, "A")
    champions = {"segments": Loaded(model, version)} if model is not None else {}
    online = Online(f"{moment}", moment, True, frozenset(), 0, "")
    store = cast(Store, Features({**others, "quiet": QUIET}))
    return StandingEngine.build(Ground(SETTINGS, store, Models(champions, {}, moment), online), None)


def stage(found: StandingEngine, moment: datetime) -> str:
    placed = Placed.at({"quiet": Vector(moment, dict(QUIET))}, moment)
    assert placed.columns["recency_days"][0] == pytest.approx((moment - TODAY).days + 60)
    return str(found.stand(placed).stage[0])


def champion(typical_gap: float) -> SegmentsModel:
    return SegmentsModel(None, {}, typical_gap, TODAY, 10)


def test_a_stage_does_not_flicker_when_others_change_their_rhythm() -> None:
    tomorrow = TODAY + timedelta(days=1)
    # by the rhythm of each day the customer comes back without an event
    assert [stage(engine(20.0), TODAY), stage(engine(31.0, tomorrow), tomorrow)] == ["lapsed", "new"]
    kept = champion(20.0)
    assert stage(engine(20.0, TODAY, kept), TODAY) == "lapsed"
    assert stage(engine(31.0, tomorrow, kept), tomorrow) == "lapsed"


def test_without_a_model_rules_answer_and_nobody_has_a_cluster() -> None:
    found = engine(20.0)
    assert (found.champion, found.info) == (None, None)
    placed = Placed.at({"quiet": Vector(TODAY, dict(QUIET))}, TODAY)
    assert found.clusters_of(placed).tolist() == [""]
    assert found.cuts.typical_gap == 20


def test_a_model_is_named_and_its_limits_of_rfm_are_those_of_now() -> None:
    found, alone = engine(20.0, model=champion(12.0)), engine(20.0)
    assert found.info is not None
    assert found.info.version.label == "encore-segments/4"
    assert found.info.definition == {"clusters": 0, "typical_gap_days": 12.0, "learned_at": "2024-03-05"}
    assert (found.cuts.typical_gap, found.cuts.rfm) == (12.0, alone.cuts.rfm)
    assert found.identity != alone.identity
    assert np.isfinite(found.cuts.rfm.recency).all()
