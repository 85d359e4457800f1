"""Similar customers: one customer's group is the one that rows of training are in."""

import numpy as np
import pytest

from training.churn.peers import Peers, group_of


@pytest.mark.parametrize("value", [np.nan, -1.0, 10.0, 15.0, 20.0, 25.0])
def test_a_customer_is_in_the_group_of_training(value: float) -> None:
    edges = (10.0, 20.0)
    peers = Peers("amount_usual_28d", edges, {}, tuple({"group": float(number)} for number in range(4)))
    (group,) = group_of(np.array([value]), edges).tolist()
    assert peers.like(value) == {"group": group}
