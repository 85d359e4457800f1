"""Where candidates come from, and the methods that the model is compared with."""

import numpy as np
import pandas as pd
from scipy import sparse

from tests.training.next_product.small import a_history
from training.next_product.candidates.find import find_candidates
from training.next_product.candidates.frequency import simple_scores
from training.next_product.candidates.inputs import FEATURES
from training.next_product.candidates.reference import LAMBDA, fit_reference
from training.next_product.candidates.sources import top
from training.next_product.dataset import Dataset
from training.next_product.evaluation.baselines import customer_vectors
from training.next_product.history import History, summed
from training.next_product.model import NextProductModel


def test_candidates_are_distinct_and_own_places_are_right(model: NextProductModel, histories: list[History]) -> None:
    candidates = find_candidates(histories[:50], model.sources, model.upgrades)
    for history, listed in zip(histories[:50], candidates, strict=True):
        assert len(set(listed.codes.tolist())) == len(listed.codes)
        assert listed.inputs.shape == (len(listed.codes), len(FEATURES))
        for code, own in zip(listed.codes, listed.own, strict=True):
            assert (own == -1) == (code not in history.codes)
            assert own == -1 or history.codes[own] == code


def test_top_takes_the_highest_positive_scores() -> None:
    assert top(np.array([0.0, 3.0, -1.0, 5.0]), 3).tolist() == [3, 1]
    assert top(np.zeros(0), 3).tolist() == []


def test_baselines_by_hand(model: NextProductModel, dataset: Dataset, histories: list[History]) -> None:
    history = histories[0]
    lists = {name: top(scores[0], 10) for name, scores in simple_scores([history], dataset.catalogue).items()}
    popular = dataset.catalogue.popularity
    assert popular[lists["g_top_freq"]].min() >= np.sort(popular)[-10]
    places = [int(np.flatnonzero(history.codes == code)[0]) for code in lists["p_top_freq"]]
    assert sorted(history.baskets[places], reverse=True) == sorted(history.baskets, reverse=True)[:10]
    faded = [int(np.flatnonzero(history.codes == code)[0]) for code in lists["decayed_p_top_freq"][: len(history)]]
    assert sorted(history.decayed[faded], reverse=True) == sorted(history.decayed, reverse=True)[: len(faded)]
    few = next(h for h in dataset.histories if 0 < len(h) < 5)
    filled = top(simple_scores([few], dataset.catalogue)["gp_top_freq"][0], 10)
    assert set(few.codes) <= set(filled)
    assert len(filled) == 10


def test_ease_by_customers_equals_ease_by_products() -> None:
    rng = np.random.default_rng(3)
    bought = [np.sort(rng.choice(30, rng.integers(1, 9), replace=False)) for _ in range(12)]
    histories = [a_history(codes.tolist()) for codes in bought]
    matrix = np.zeros((12, 30))
    for row, codes in enumerate(bought):
        matrix[row, codes] = 1
    inverse = np.linalg.inv(matrix.T @ matrix + LAMBDA * np.eye(30))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    scores = fit_reference(histories, 30).ease(histories)
    np.testing.assert_allclose(scores, matrix @ weights, rtol=1e-3, atol=1e-5)


def test_sums_of_rows_are_the_product() -> None:
    rng = np.random.default_rng(5)
    rows, matrix = (rng.random(shape) * (rng.random(shape) < 0.3) for shape in ((4, 20), (20, 30)))
    rows[2] = 0.0  # a customer without purchases
    np.testing.assert_allclose(summed(sparse.csr_matrix(rows), sparse.csr_matrix(matrix)), rows @ matrix)


def test_neighbours_leave_out_the_customers_own_row() -> None:
    histories = [a_history(codes) for codes in ([0, 1], [0, 1, 2], [3], [3, 4])]
    scores = fit_reference(histories, 5).neighbours(histories)
    assert scores[0, 2] > 0
    assert scores[0, 3] == scores[0, 4] == 0
    assert scores[2, 4] > 0


def test_tifu_fades_within_and_across_groups() -> None:
    rows = [{"customer": 0, "product": place, "place": place, "orders": 9} for place in range(9)]
    vectors = customer_vectors(pd.DataFrame(rows), 2, 9).toarray()[0]
    starts = [-(-group * 9 // 7) for group in range(8)]
    wanted = np.zeros(9)
    for group in range(7):
        members = list(range(starts[group], starts[group + 1]))
        for number, place in enumerate(members):
            wanted[place] = 0.9 ** (len(members) - 1 - number) / len(members) * 0.7 ** (6 - group) / 7
    np.testing.assert_allclose(vectors, wanted)
    assert (vectors > 0).all()
