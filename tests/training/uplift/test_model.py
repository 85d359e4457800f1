"""The artifact: files, who has seen whom, and how attributes are read."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import StateError
from features.categories import Attributes
from tests.training.uplift.shops import Shop
from training.uplift.fit import fit_action
from training.uplift.grow import Ground, grow_all
from training.uplift.learners import LEARNERS
from training.uplift.model import UpliftModel, _load_pyfunc, check_horizon
from training.uplift.settings import UpliftSettings

SHOP = Shop(1_500, 501)
NAMES = (*(f"n{number}" for number in range(10)), "attribute_city")


@pytest.fixture(scope="module")
def model() -> UpliftModel:
    one = fit_action(SHOP.experiment, SHOP.inputs, SHOP.folds)
    attributes = Attributes({"attribute_city": ("Bonn", "Köln")})
    return UpliftModel((one,), NAMES, attributes, 28, datetime(2026, 3, 2, tzinfo=UTC))


def columns(rows: int) -> dict[str, np.ndarray]:
    return {name: SHOP.inputs[:rows, place] for place, name in enumerate(NAMES)}


def test_it_answers_the_same_when_it_is_read_again(model: UpliftModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    again = UpliftModel.load(tmp_path)
    assert replace(again, learned=()) == replace(model, learned=())
    ours, theirs = (one.predict(columns(200), {}, 200)["call"] for one in (model, again))
    for name in vars(ours):
        assert (getattr(ours, name) == getattr(theirs, name)).all()
    # a booster that is a part of two ensembles is written once
    one = model.learned[0]
    every = [booster for e in (one.base, one.lift, one.revenue) if e for part in e.parts for booster in part.boosters]
    assert len(list(tmp_path.glob("trees-*"))) == len({id(booster) for booster in every})
    frame = _load_pyfunc(str(tmp_path)).predict(pd.DataFrame(columns(3)))
    assert frame["action"].tolist() == ["call"] * 3
    assert frame["lift"].tolist() == ours.lift[:3].tolist()


def test_a_broken_file_is_refused(model: UpliftModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    (tmp_path / "trees-0" / "booster.txt").write_text("nothing")
    with pytest.raises(StateError, match="checksum"):
        UpliftModel.load(tmp_path)


def test_a_customer_is_measured_by_parts_that_learned_nothing_from_the_customer() -> None:
    # the outcomes of one fold are turned around: nothing that answers for the fold may notice
    rows, fold = SHOP.experiment, 2
    mine = SHOP.folds == fold
    turned = replace(rows, retained=np.where(mine, 1 - rows.retained, rows.retained))
    first, second = (grow_all(Ground(one, SHOP.inputs, SHOP.folds, 5, 1)) for one in (rows, turned))
    for learner in LEARNERS:
        ours, theirs = (one.learners[learner].unseen(SHOP.inputs, SHOP.folds) for one in (first, second))
        assert (ours[mine] == theirs[mine]).all(), learner
        assert (ours[~mine] != theirs[~mine]).any(), learner


def test_unseen_answers_are_by_the_hash_of_the_customer(model: UpliftModel) -> None:
    rows = 300
    found = model.predict_unseen(columns(rows), {}, SHOP.experiment.customers[:rows])["call"]
    expected = model.learned[0].unseen(SHOP.inputs[:rows], SHOP.folds[:rows])
    assert (found.lift == expected.lift).all()
    assert (found.lift != model.predict(columns(rows), {}, rows)["call"].lift).any()


def test_texts_are_read_as_they_were_learned(model: UpliftModel) -> None:
    numbers = {name: values for name, values in columns(3).items() if name != "attribute_city"}
    texts = {"attribute_city": np.array(["Köln", "Bonn", "Ulm"], dtype=object)}
    found = model.matrix(numbers, texts, 3)
    assert found[:2, 10].tolist() == [1.0, 0.0]
    assert np.isnan(found[2, 10])


def test_an_action_that_was_not_accepted_is_not_answered(model: UpliftModel) -> None:
    refused = replace(model, learned=(replace(model.learned[0], accepted=False),))
    assert refused.actions == ()
    assert refused.predict(columns(2), {}, 2) == {}
    assert refused.predict_unseen(columns(2), {}, SHOP.experiment.customers[:2]) == {}


def test_another_horizon_is_another_question(model: UpliftModel) -> None:
    check_horizon("encore-uplift/1", model, UpliftSettings())
    with pytest.raises(StateError, match=r"28 days; uplift\.horizon_days is 14"):
        check_horizon("encore-uplift/1", model, UpliftSettings(horizon_days=14))
