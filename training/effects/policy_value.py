"""What another policy would have brought, from what was logged: off-policy evaluation of logged propensities."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats, Rows
from training.effects.difference import Effect, effect, unknown
from training.effects.given import Names


@dataclass(frozen=True)
class PolicyValue:
    """The mean outcome of a customer under a policy, or a difference of two policies, by three estimators.

    Attributes
    ----------
    ips
        Inverse propensity score: unbiased, and noisy where propensities are small.
    snips
        Self-normalised: the weights are divided by their sum; nearly unbiased, and steadier.
    dr
        Doubly robust: predicted outcomes, corrected by what was logged; None without predictions.
    matched
        Customers whose logged arm is the one that the policy chooses.
    effective
        As many customers with equal weights would say as much as these: (sum of weights)² / sum of squared weights.
    """

    ips: Effect
    snips: Effect
    dr: Effect | None
    matched: int
    effective: float


@dataclass(frozen=True)
class Logged:
    """What was logged of each customer, aligned, and what a model predicts.

    Attributes
    ----------
    outcome
        Known of every customer.
    arms
        The arm that the customer got.
    propensity
        Probability of that arm, in (0, 1].
    predicted
        By arm the predicted outcome of every customer. A prediction must not have seen the customer's own outcome.
    """

    outcome: Floats
    arms: Names
    propensity: Floats
    predicted: Mapping[str, Floats] | None = None


def policy_value(logged: Logged, chosen: Names | None) -> PolicyValue:
    """Estimate the mean outcome of a customer, had each got the arm that a new policy chooses.

    Sources: Horvitz and Thompson, JASA 1952 (IPS); Swaminathan and Joachims, The self-normalized estimator for
    counterfactual learning, NIPS 2015 (SNIPS); Dudík, Langford and Li, Doubly robust policy evaluation and learning,
    ICML 2011 (DR). Intervals are of 95 % from the variance between customers; that of SNIPS by the delta method.

    Every arm that is chosen for a customer must have had a chance of being drawn for them: what was never tried says
    nothing, and is not noticed here. `matched` and `effective` show how much was tried.

    Parameters
    ----------
    chosen
        One arm a customer; None is what was done: the mean outcome as it was, by every estimator.

    Raises
    ------
    ValueError
        If a propensity is not inside (0, 1], or an arm that is chosen has no predictions although others have.
    """
    return _estimated(logged, [(1.0, chosen)])


def policy_gain(logged: Logged, chosen: Names, against: Names | None) -> PolicyValue:
    """Estimate by how much the mean outcome under one policy exceeds that under another, paired by customer.

    The interval is narrower than those of the two values where both policies choose the same for many customers.

    Parameters
    ----------
    against
        None is what was done.
    """
    return _estimated(logged, [(1.0, chosen), (-1.0, against)])


def _estimated(logged: Logged, policies: list[tuple[float, Names | None]]) -> PolicyValue:
    """Sum the values of policies, each with its sign; what is said of matches is that of the first one."""
    if not ((logged.propensity > 0) & (logged.propensity <= 1)).all():
        raise ValueError("expected the propensity of every customer inside (0, 1]; leave out the customers without one")
    scores = [(sign, _matches(logged, chosen), chosen) for sign, chosen in policies]
    weights = scores[0][1]
    sizes = int((weights > 0).sum()), int((weights == 0).sum())
    squares = float((weights**2).sum())
    predicted = logged.predicted
    doubly = None if predicted is None else [sign * _doubly(logged, weight, to) for sign, weight, to in scores]
    return PolicyValue(
        ips=_mean(np.sum([sign * weight * logged.outcome for sign, weight, _ in scores], axis=0), sizes),
        snips=_mean(np.sum([sign * _normalised(logged.outcome, weight) for sign, weight, _ in scores], axis=0), sizes),
        dr=None if doubly is None else _mean(np.sum(doubly, axis=0), sizes),
        matched=sizes[0],
        effective=float(weights.sum()) ** 2 / squares if squares else 0.0,
    )


def _matches(logged: Logged, chosen: Names | None) -> Floats:
    """Return the weight of each customer: 1 / propensity where the logged arm is the chosen one, else 0."""
    if chosen is None:
        return np.ones(len(logged.outcome))
    same: Rows = np.asarray(logged.arms == chosen)
    weights: Floats = same / logged.propensity
    return weights


def _normalised(outcome: Floats, weights: Floats) -> Floats:
    """Return values whose mean is the self-normalised one and whose variance is that of the delta method."""
    total = float(weights.sum())
    if total == 0:
        return np.full(len(outcome), np.nan)
    value = float(weights @ outcome) / total
    scores: Floats = value + weights * (outcome - value) * len(outcome) / total
    return scores


def _doubly(logged: Logged, weights: Floats, chosen: Names | None) -> Floats:
    """Return the prediction of the chosen arm, corrected by the residual where the arm was logged."""
    if chosen is None:
        return logged.outcome
    predicted = np.full(len(chosen), np.nan)
    for arm, values in (logged.predicted or {}).items():
        predicted[chosen == arm] = values[chosen == arm]
    if np.isnan(predicted).any():
        missing = sorted(set(chosen[np.isnan(predicted)].tolist()))
        raise ValueError(f"expected a predicted outcome of every chosen arm, found none of some for {missing}")
    scores: Floats = predicted + weights * (logged.outcome - predicted)
    return scores


def _mean(scores: Floats, sizes: tuple[int, int]) -> Effect:
    """Return the mean of independent scores with its interval."""
    spread = float(scores.std(ddof=1)) if len(scores) > 1 else math.nan
    if not spread > 0:
        return unknown(*sizes)
    return effect(float(scores.mean()), spread / math.sqrt(len(scores)), sizes, degrees=len(scores) - 1)
