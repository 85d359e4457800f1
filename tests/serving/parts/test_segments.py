"""The part `segments`: every customer has a place and a cluster, and the score table has it too."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from serving.explain.language import catalogue
from serving.explain.wording import LONGEST
from serving.parts.segments import SegmentsPart
from serving.parts.standing import StandingEngine
from tests.conftest import Scoring, World, connected, copied
from training.churn.settings import ChurnSettings

pytestmark = pytest.mark.world


def test_every_customer_with_a_purchase_has_scores_group_stage_and_rung(world: World, scoring: Scoring) -> None:
    ground = scoring.reloader.deployment.ground
    customers = ground.store.customers(ChurnSettings.service, ground.online.as_of)
    places = Counter[str]()
    for one in scoring.ask(customers, "segments", "profile"):
        found = one.parts["segments"].value
        profile = one.parts["profile"].value.profile
        if profile["baskets_total"] is None:
            assert (found.rfm, found.ladder) == (None, None)
            continue
        scores = (found.rfm.recency, found.rfm.frequency, found.rfm.monetary)
        assert set(scores) <= {1, 2, 3, 4, 5}
        places.update((found.rfm.group.name, found.stage.name, found.ladder.name))
        assert found.rfm.group.title
    assert len(places) > 15


def test_every_customer_with_a_purchase_has_a_cluster_in_words(scoring: Scoring) -> None:
    engine = scoring.reloader.deployment.engine(StandingEngine)
    assert engine.champion is not None
    ground = scoring.reloader.deployment.ground
    customers = ground.store.customers(ChurnSettings.service, ground.online.as_of)[:200]
    clusters = [one.parts["segments"].value.cluster for one in scoring.ask(customers, "segments")]
    names = Counter(one.name for one in clusters if one is not None)
    assert set(names) == set(engine.champion.labels)
    assert names.total() > 190
    assert all(0 < len(one.text) <= LONGEST for one in clusters if one is not None)
    (answer,) = (one.parts["segments"].value for one in scoring.ask(customers[:1], "segments"))
    assert answer.model == "encore-segments/1"
    assert SegmentsPart().cells(answer)["cluster"] == SegmentsPart().exported(answer)["cluster"] == clusters[0].name
    (chinese,) = (one.parts["segments"].value for one in scoring.ask(customers[:1], "segments", language="zh"))
    assert chinese.cluster.name == answer.cluster.name
    assert chinese.cluster.title != answer.cluster.title


def test_titles_are_in_the_readers_language(scoring: Scoring) -> None:
    (chinese,) = scoring.ask(["12"], "segments", language="zh")
    stage = chinese.parts["segments"].value.stage
    assert stage.title == catalogue("zh").texts[f"stage.{stage.name}"]


def test_an_answer_says_which_segments_a_customer_is_in(world: World, tmp_path: Path) -> None:
    rule = {"column": "frequency_score", "at_least": 5}
    with copied(world, tmp_path) as settings, connected(settings) as client:

        def ask() -> Any:
            body = {"customer_ids": ["6", "12", "18"], "include": ["segments"]}
            return client.post("/v1/scores", json=body).json()["scores"]

        assert [one["segments"]["member_of"] for one in ask()] == [[], [], []]
        assert {one["computed"] for one in ask()} == {"materialised"}
        body = {"name": "frequent", "rule": rule, "kind": "following"}
        answer = client.post("/v1/segments", json=body)
        assert answer.status_code in {200, 201}, answer.text
        expected = [["frequent"] if one["segments"]["rfm"]["frequency"] == 5 else [] for one in ask()]
        assert [one["segments"]["member_of"] for one in ask()] == expected
        assert ["frequent"] in expected
        assert {one["computed"] for one in ask()} == {"materialised"}
        client.delete("/v1/segments/frequent")
        assert [one["segments"]["member_of"] for one in ask()] == [[], [], []]
