"""The first stage: which candidates all trees look at, and what the others keep."""

import numpy as np

from training.next_product.candidates.finalists import finalists_of, first_margins
from training.next_product.candidates.find import Candidates, find_candidates
from training.next_product.history import History
from training.next_product.model import NextProductModel


def test_finalists_are_the_likeliest_of_each_kind() -> None:
    codes = np.arange(300)
    own = np.where(codes < 100, codes, -1)
    better = codes >= 240
    candidates = Candidates(codes, own, better, np.zeros((300, 1)))
    likely = np.linspace(0.0, 1.0, 300)
    chosen = np.flatnonzero(finalists_of(candidates, likely)).tolist()
    assert chosen == [*range(40, 100), *range(180, 240), *range(240, 300)]
    few = Candidates(codes[:5], own[:5], better[:5], np.zeros((5, 1)))
    assert finalists_of(few, likely[:5]).all()


def test_finalists_have_the_probability_of_all_trees_and_the_others_of_the_first(
    model: NextProductModel, histories: list[History]
) -> None:
    learned = model.learned
    found = list(find_candidates(histories[:12], model.sources, model.upgrades))
    for candidates, likely in zip(found, learned.probabilities(found), strict=True):
        of_all = learned.calibration.probability(
            np.asarray(learned.booster.predict(candidates.inputs, raw_score=True), dtype="float64")
        )
        of_first = learned.first.probability(first_margins(learned.booster, candidates.inputs))
        finalists = finalists_of(candidates, of_first)
        np.testing.assert_array_equal(likely, np.where(finalists, of_all, of_first))
        assert 0 < finalists.sum() <= 180
