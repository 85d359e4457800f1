"""Similar customers: one customer's group is the one that rows of training are in."""

import numpy as np
import pytest

from training.evaluation.peers import Peers, group_of


@pytest.mark.parametrize("value", [np.nan, -1.0, 10.0, 15.0, 20.0, 25.0])
def test_a_customer_is_in_the_group_of_training(value: float) -> None:
    edges = (10.0, 20.0)
    groups = tuple({"group": float(number)} for number in range(4))
    middles = tuple({"group": (number - 0.5, number + 0.5)} for number in (9.0, 0.0, 1.0, 2.0, 3.0))
    peers = Peers("amount_usual_28d", edges, {}, groups, middles)
    (group,) = group_of(np.array([value]), edges).tolist()
    found = peers.like(value)
    assert (found.usual, found.middle) == ({"group": group}, {"group": (group - 0.5, group + 0.5)})
    assert found.kind == ("new" if np.isnan(value) else "amount_usual_28d")


def test_without_a_habit_and_a_price_all_customers_are_one_group() -> None:
    peers = Peers(None, (), {"a": 1.0}, ({"a": 1.0},) * 2, ({"a": (0.0, 2.0)},) * 3)
    assert peers.like(float("nan")) == peers.all
    assert (peers.all.kind, peers.all.middle) == ("everyone", {"a": (0.0, 2.0)})
