"""What each input adds to an amount: sums, and the start by hand."""

from itertools import permutations

import numpy as np
import pytest

from core.arrays import Floats
from training.btyd.bg_nbd import BgNbd
from training.btyd.gamma_gamma import GammaGamma
from training.customer_value.contributions import QUANTITIES
from training.customer_value.model import Origin, ValueModel
from training.customer_value.start import Start
from training.customer_value.trees import Trees

FEATURES = ("amount_84d", "amount_total", "baskets_total", "recency_days", "tenure_days")
TYPICAL = ((60.0, 200.0, 8.0, 10.0, 200.0), (200.0, 900.0, 30.0, 4.0, 250.0))


@pytest.fixture
def model() -> ValueModel:
    """A model without trees."""
    start = Start(91, BgNbd(0.5, 4.0, 0.8, 2.5), GammaGamma(6.0, 4.0, 15.0))
    none = Trees()
    origin = Origin({}, (), 0, ())
    end = np.datetime64("2026-01-01").astype(object)
    return ValueModel(start, FEATURES, none, none, none, {}, 0.8, end, origin, TYPICAL)


ROWS: Floats = np.array(
    [[20.0, 150.0, 6.0, 40.0, 240.0], [500.0, 2000.0, 60.0, 1.0, 300.0], [0.0, 30.0, 1.0, 90.0, 90.0]]
)


def test_they_sum_to_the_logarithm_of_the_amount(model: ValueModel) -> None:
    values = model.contributions(ROWS)
    assert values.shape == (3, 6)
    assert np.allclose(values.sum(axis=1), model.margin(ROWS))
    assert np.allclose(values[:, -1], model.margin(model.background).mean())


def test_they_are_means_over_all_orders_in_which_quantities_become_known(model: ValueModel) -> None:
    naive = np.zeros((len(ROWS), len(FEATURES)))
    orders = list(permutations(QUANTITIES))
    for typical in TYPICAL:
        for order in orders:
            known = np.tile(np.array(typical), (len(ROWS), 1))
            before = model.margin(known)
            for name in order:
                for changed in QUANTITIES[name]:
                    known[:, FEATURES.index(changed)] = ROWS[:, FEATURES.index(changed)]
                now = model.margin(known)
                naive[:, FEATURES.index(name)] += (now - before) / len(orders) / len(TYPICAL)
                before = now
    assert np.allclose(model.contributions(ROWS)[:, :-1], naive)


def test_a_typical_customer_alone_has_nothing_added(model: ValueModel) -> None:
    alone = ValueModel(**{**vars(model), "typical": (TYPICAL[0],)})
    assert np.allclose(alone.contributions(np.array([TYPICAL[0]]))[:, :-1], 0)
