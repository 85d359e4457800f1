"""Experiments: who gets which list, and that each impression is written down."""

import json
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from serving.offers.experiment import arm_of
from serving.settings import ExperimentSettings
from tests.conftest import Scoring, World, connected, inside


def test_the_arm_depends_on_name_and_customer_alone() -> None:
    spring = ExperimentSettings(name="spring", share=0.2)
    arms = [arm_of(spring, str(customer)) for customer in range(4000)]
    others = np.array([arm is not None and arm.arm == "baseline" for arm in arms])
    assert others.mean() == pytest.approx(0.2, abs=0.02)
    assert arms == [arm_of(spring, str(customer)) for customer in range(4000)]
    more = ExperimentSettings(name="spring", share=0.4)  # who was in it stays in it when it grows
    assert all(arm_of(more, str(c)).arm == "baseline" for c in np.flatnonzero(others))  # type: ignore[union-attr]
    summer = ExperimentSettings(name="summer", share=0.2)
    again = np.array([arm_of(summer, str(c)).arm == "baseline" for c in range(4000)])  # type: ignore[union-attr]
    assert (again & others).mean() == pytest.approx(0.04, abs=0.015)
    assert arm_of(ExperimentSettings(), "1") is None


def test_the_tag_is_in_the_answer_and_in_the_log(world: World, tmp_path: Path) -> None:
    settings = world.settings.replaced(ExperimentSettings(name="spring", share=0.5))
    log = world.directory / "data/impressions.jsonl"
    with inside(world.directory), connected(settings) as client:
        one_by_one = {}
        for customer in range(6, 90, 6):
            answer = client.get(f"/v1/customers/{customer}/offers?limit=3")
            if answer.status_code == 200:
                one_by_one[str(customer)] = answer.json()["offers"]
        assert len(one_by_one) > 10
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        assert len(lines) == len(one_by_one)
        for line, (customer_id, offers) in zip(lines, one_by_one.items(), strict=True):
            assert line["customer_id"] == customer_id
            assert offers["experiment"] == {"name": line["experiment"], "arm": line["arm"]}
            assert line["products"] == [offer["product_id"] for offer in offers["offers"]]
        assert {line["arm"] for line in lines} == {"champion", "baseline"}
        body = {"customer_ids": list(one_by_one), "include": ["offers"], "offer_limit": 3}
        together = client.post("/v1/scores", json=body).json()["scores"]
        assert {score["customer_id"]: score["offers"] for score in together} == one_by_one
        assert len(log.read_text(encoding="utf-8").splitlines()) == 2 * len(lines)
    log.unlink()


def test_without_an_experiment_nothing_is_written(client: TestClient, world: World) -> None:
    assert client.get("/v1/customers/6/offers").json()["offers"]["experiment"] is None
    assert not (world.directory / "data/impressions.jsonl").exists()


def test_an_experiment_without_a_challenger_says_so(at_home: World) -> None:
    experiment = ExperimentSettings(name="spring", other="challenger")
    (scored,) = Scoring(at_home.settings.replaced(experiment)).ask(["6"], "risk", "offers")
    assert scored.parts["risk"].value.status == "ok"
    assert scored.parts["offers"].value.status == "unavailable"
    assert "--no-promote" in scored.parts["offers"].value.reason
