"""A decision as a list with one row for each customer, and what was ruled out, counted."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from serving.decisions.actions import DO_NOTHING
from serving.decisions.eligibility import RULED_OUT
from serving.decisions.within import Decided

#: Why an action that is allowed is no option: nothing is known to value it by, or it gains nothing.
NOT_VALUED, NO_GAIN = "not_valued", "no_gain"
REASONS = (*RULED_OUT, NOT_VALUED, NO_GAIN)


def reasons_of(decided: Decided) -> npt.NDArray[np.int8]:
    """Return for each customer and action the place in `REASONS` of why it was ruled out; 0 where it was an option."""
    reasons = decided.eligibility.codes.copy()
    gains = decided.worth.gain
    reasons[(reasons == 0) & np.isnan(gains)] = REASONS.index(NOT_VALUED)
    with np.errstate(invalid="ignore"):
        reasons[(reasons == 0) & (gains <= 0)] = REASONS.index(NO_GAIN)
    return reasons


def ruled_out(decided: Decided) -> dict[str, dict[str, int]]:
    """Return for each action how many customers it was ruled out for, by the reason, in the order of `REASONS`."""
    found = {}
    for action, codes in zip(decided.actions, reasons_of(decided).T, strict=True):
        counts = np.bincount(codes, minlength=len(REASONS)).tolist()
        pairs = zip(REASONS[1:], counts[1:], strict=True)
        found[action.name] = {reason: count for reason, count in pairs if count}
    return found


def rows_of(decided: Decided) -> pd.DataFrame:
    """Return one row for each customer, in the order of the decision.

    `effect` says where the effect of the action is known from; an assumed one has no interval. `ruled_out` names the
    other actions that were no option, each with its reason.
    """
    names = np.array([*(action.name for action in decided.actions), DO_NOTHING], dtype=object)
    channels = np.array([*decided.channels, None], dtype=object)
    sources = np.array([*(one.source for one in decided.effects.sources), None], dtype=object)
    worth = decided.worth
    money = {"gain": worth.gain, "gain_low": worth.low, "gain_high": worth.high, "cost": worth.cost}
    return pd.DataFrame(
        {
            "customer_id": decided.population.customers,
            "action": names[decided.choice],
            "channel": channels[decided.choice],
            "effect": sources[decided.choice],
            **{name: decided.of_choice(matrix) for name, matrix in money.items()},
            "base": np.where(decided.choice >= 0, decided.of_choice(worth.base), np.nan),
            "lift": decided.of_choice(worth.lift),
            "runner_up": names[decided.runner_up],
            "ruled_out": _texts(reasons_of(decided), [action.name for action in decided.actions]),
        }
    )


def _texts(reasons: npt.NDArray[np.int8], names: Sequence[str]) -> npt.NDArray[np.object_]:
    """Write the reasons of each customer: few combinations, each written once."""
    if not names:
        return np.full(len(reasons), "", dtype=object)
    different, places = np.unique(reasons, axis=0, return_inverse=True)
    texts = [
        "; ".join(f"{name}: {REASONS[code]}" for name, code in zip(names, row, strict=True) if code)
        for row in different.tolist()
    ]
    return np.array([*texts, ""], dtype=object)[places.ravel()]
