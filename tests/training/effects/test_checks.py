"""Checks say ok, alarm, or why they were not made."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from tests.training.effects.campaigns import assigned_of
from training.effects.checks import contamination_check, looks_check, others_check, ratio_check

ARMS = ["call"] * 900 + ["holdout"] * 100


def _marked(arms: int, holdout: int) -> np.ndarray:
    marked = np.zeros(1000, dtype=bool)
    marked[:arms] = True
    marked[900 : 900 + holdout] = True
    return marked


@pytest.mark.parametrize(("holdout", "status"), [(0.1, "ok"), (0.2, "alarm")])
def test_the_ratio_of_the_arms(holdout: float, status: str) -> None:
    assigned = assigned_of(ARMS, propensity=np.repeat([1 - holdout, holdout], [900, 100]))
    check = ratio_check(assigned, np.zeros(1000, dtype="int64"))
    assert (check.name, check.status) == ("sample_ratio", status)
    assert "call: 900 assigned" in check.text
    assert check.figures["degrees"] == 1


@pytest.mark.parametrize(("contacted", "status"), [(0, "ok"), (1, "ok"), (2, "alarm")])
def test_contacts_of_the_holdout(contacted: int, status: str) -> None:
    """One in a hundred is let pass; contacts of the arm do not matter."""
    check = contamination_check(assigned_of(ARMS), _marked(500, contacted))
    assert (check.status, check.figures) == (status, {"contacted": contacted, "holdout": 100, "share": contacted / 100})
    assert check.text.startswith(f"{contacted} of 100 customers of the holdout were contacted.")


@pytest.mark.parametrize(("arms", "holdout", "status"), [(450, 50, "ok"), (450, 60, "ok"), (450, 20, "alarm")])
def test_customers_in_other_campaigns(arms: int, holdout: int, status: str) -> None:
    check = others_check(assigned_of(ARMS), _marked(arms, holdout))
    table = [[arms, 900 - arms], [holdout, 100 - holdout]]
    assert check.status == status
    assert check.figures["p_value"] == pytest.approx(float(chi2_contingency(table, correction=False).pvalue))
    assert f"{arms / 900:.1%} of the arms and {holdout / 100:.1%} of the holdout" in check.text


@pytest.mark.parametrize("marked", [_marked(0, 0), _marked(900, 100)])
def test_nobody_or_everybody_in_other_campaigns(marked: np.ndarray) -> None:
    check = others_check(assigned_of(ARMS), marked)
    assert (check.status, check.figures["p_value"]) == ("ok", 1.0)


def test_one_side_alone_has_no_ratio_of_other_campaigns() -> None:
    check = others_check(assigned_of(["call"] * 4), np.array([True, False, False, False]))
    assert (check.status, check.figures["holdout"]) == ("ok", 0)


def test_looks_say_why_other_intervals_decide() -> None:
    texts = [looks_check(looks, [], final=final).text for looks, final in ((0, True), (3, True), (0, False))]
    assert "intervals of fixed size decide" in texts[0]
    assert "read 3 times before the end" in texts[1]
    assert "outcomes are still to come" in texts[2]
