"""The gain of a list against a loop over impressions and purchases."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from tests.training.effects.campaigns import START, words
from training.effects.lists import Bought, Shown, followed, list_gain

DAY = np.timedelta64(1, "D")


def _drawn(seed: int = 1) -> tuple[Shown, Bought]:
    """Draw impressions and order lines of 60 customers, ten of which never see a list."""
    rng = np.random.default_rng(seed)
    arm = dict(zip(range(60), rng.choice(["champion", "challenger", "baseline"], 60), strict=True))
    who = rng.integers(0, 50, 120)
    shown = Shown(
        words([f"C{one}" for one in who]),
        START + rng.integers(0, 40, 120) * DAY,
        words([str(arm[int(one)]) for one in who]),
        [[f"P{product}" for product in rng.choice(8, 3, replace=False)] for _ in who],
    )
    buyers = rng.integers(0, 60, 400)
    bought = Bought(
        words([f"C{one}" for one in buyers]),
        START + rng.integers(-10, 60, 400) * DAY,
        words([f"P{product}" for product in rng.integers(0, 8, 400)]),
        rng.integers(1, 9, 400).astype("float64"),
    )
    return shown, bought


def _naive(shown: Shown, bought: Bought, arm: str, measure: str) -> list[float]:
    """Sum the purchases, or their amounts, of each customer of an arm."""
    found = []
    for customer in sorted({who for who, own in zip(shown.customers, shown.arms, strict=True) if own == arm}):
        total = 0.0
        lines = zip(bought.customers, bought.moments, bought.products, bought.amounts, strict=True)
        for buyer, at, product, amount in lines:
            seen = [
                products
                for who, when, products in zip(shown.customers, shown.moments, shown.products, strict=True)
                if who == customer == buyer and when <= at < when + 7 * DAY
            ]
            counts = any(product in products for products in seen) if measure == "shown" else bool(seen)
            total += (amount if measure == "revenue" else 1.0) * counts
        found.append(total)
    return found


def test_each_purchase_after_an_impression_counts_once() -> None:
    shown, bought = _drawn()
    gain = list_gain(followed(shown, bought, 7), arm="challenger", control="champion")
    for measure in ("shown", "any", "revenue"):
        found = getattr(gain, measure)
        ours, other = (_naive(shown, bought, arm, measure) for arm in ("challenger", "champion"))
        welch = ttest_ind(ours, other, equal_var=False)
        assert found.value == pytest.approx(np.mean(ours) - np.mean(other))
        assert (found.customers, found.controls) == (len(ours), len(other))
        assert found.p_value == pytest.approx(welch.pvalue)
        assert sum(ours) > 0


def test_an_arm_that_was_never_shown_is_not_known() -> None:
    shown, bought = _drawn()
    gain = list_gain(followed(shown, bought, 7), arm="other", control="champion")
    assert not gain.shown.known
    assert gain.any.customers == 0


def test_nothing_at_all() -> None:
    none, moments = words([]), np.zeros(0, dtype="datetime64[us]")
    nothing = followed(Shown(none, moments, none, []), Bought(none, moments, none, np.zeros(0)), 7)
    assert not list_gain(nothing, arm="a", control="b").any.known
