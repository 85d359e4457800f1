"""Growing the parts of every learner on the customers of one experiment, without the folds that they answer for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np

from core.arrays import Floats, Ints, Rows
from core.progress import Report, silent
from training.uplift.experiment import Experiment
from training.uplift.folds import pairs_of
from training.uplift.learners import FORMULA, Ensemble, Formula, Learner, Part

_TREES: dict[str, object] = {
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 127,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
#: By what is learned, chosen on shops with known effects (seeds 101 to 104 of `tests/simulate_effects.py`, never those
#: that the benchmark measures on). Random thresholds make parts differ, so that their mean is steadier: they won 1 to 3
#: points of the gain for T and S, and none for X and DR.
PARAMETERS: Mapping[str, Mapping[str, object]] = {
    "arm": {**_TREES, "objective": "binary", "extra_trees": True, "rounds": 150},
    "both": {
        **_TREES,
        "objective": "binary",
        "extra_trees": True,
        "num_leaves": 20,
        "min_data_in_leaf": 60,
        "rounds": 250,
    },
    "effect": {**_TREES, "objective": "regression", "rounds": 70},
    "revenue": {**_TREES, "objective": "gamma", "learning_rate": 0.08, "rounds": 150},
}
#: Leaves may be smaller where rows are few, but not smaller than this.
_LEAST_IN_LEAF = 20
#: Up to this many rows are learned from by one thread: shallow trees are grown faster than threads start and wait.
_ONE_THREAD = 100_000
#: Revenue is positive where a gamma distribution is fitted to it: no revenue counts as a hundredth of the currency.
_LEAST_REVENUE = 0.01


@dataclass(frozen=True)
class Candidates:
    """Everything that is learned from an experiment.

    Attributes
    ----------
    base, treated
        Probability of being retained without and with the action.
    revenue
        Expected revenue of a customer who is retained without the action; None where nothing is sold.
    learners
        What the action adds to the probability, by learner.
    """

    base: Ensemble
    treated: Ensemble
    revenue: Ensemble | None
    learners: Mapping[Learner, Ensemble]


@dataclass(frozen=True)
class Ground:
    """What trees are grown on: the rows of an experiment, their inputs, and their folds."""

    rows: Experiment
    inputs: Floats
    folds: Ints
    count: int
    threads: int

    def without(self, *folds: int) -> Rows:
        """Return which rows are in none of some folds."""
        mask: Rows = ~np.isin(self.folds, folds)
        return mask


def grow_all(ground: Ground, report: Report = silent) -> Candidates:
    """Grow every learner.

    Outcomes of each arm are learned without every pair of folds: the effects that X and DR learn from for a fold are
    imputed for each other fold by the part that saw neither.
    """
    pairs = pairs_of(ground.count)
    controls, treated, both = [], [], []
    for number, pair in enumerate(pairs):
        report(0.7 * number / len(pairs), "outcomes of arms")
        mask = ground.without(*pair)
        controls.append(Part(pair, (_outcome(ground, mask & ~ground.rows.treated),)))
        treated.append(Part(pair, (_outcome(ground, mask & ground.rows.treated),)))
        both.append(Part(pair, (_outcome_of_both(ground, mask),)))
    base, with_action = Ensemble("mean", tuple(controls)), Ensemble("mean", tuple(treated))
    x, dr = [], []
    for fold in range(ground.count):
        report(0.7 + 0.3 * fold / ground.count, "effects")
        imputed = _imputed(ground, fold, base, with_action)
        x.append(_x_part(ground, fold, *imputed))
        dr.append(_dr_part(ground, fold, *imputed))
    arms = zip(controls, treated, strict=True)
    t = [Part(one.without, (*one.boosters, *other.boosters)) for one, other in arms]
    learned: dict[Learner, list[Part]] = {"T": t, "S": both, "X": x, "DR": dr}
    learners = {learner: _ensemble(FORMULA[learner], parts) for learner, parts in learned.items()}
    return Candidates(base, with_action, _revenue(ground), learners)


def _ensemble(formula: Formula, parts: list[Part]) -> Ensemble:
    return Ensemble(formula, tuple(parts))


def _outcome(ground: Ground, mask: Rows) -> lgb.Booster:
    rows = ground.rows
    return grown("arm", ground.inputs[mask], rows.retained[mask], ground.threads, rows.weights[mask])


def _outcome_of_both(ground: Ground, mask: Rows) -> lgb.Booster:
    rows = ground.rows
    inputs = np.column_stack([ground.inputs[mask], rows.treated[mask]])
    return grown("both", inputs, rows.retained[mask], ground.threads, rows.weights[mask])


def _imputed(ground: Ground, fold: int, base: Ensemble, treated: Ensemble) -> tuple[Floats, Floats]:
    """Return both outcomes that are expected of each row outside a fold, by parts that saw neither it nor the fold."""
    mask = ground.without(fold)
    found = []
    for ensemble in (base, treated):
        parts = tuple(part for part in ensemble.parts if fold in part.without)
        expected = np.zeros(len(ground.rows))
        expected[mask] = replace(ensemble, parts=parts).unseen(ground.inputs[mask], ground.folds[mask])
        found.append(expected)
    return found[0], found[1]


def _x_part(ground: Ground, fold: int, without: Floats, with_action: Floats) -> Part:
    """Learn the difference between what happened in an arm and what the other arm's model expects."""
    rows, mask = ground.rows, ground.without(fold)
    effect = np.where(rows.treated, rows.retained - without, with_action - rows.retained)
    arms = (mask & ~rows.treated, mask & rows.treated)
    grows = (grown("effect", ground.inputs[arm], effect[arm], ground.threads, rows.weights[arm]) for arm in arms)
    return Part((fold,), tuple(grows))


def _dr_part(ground: Ground, fold: int, without: Floats, with_action: Floats) -> Part:
    """Learn the scores whose mean is the actual effect."""
    mask = ground.without(fold)
    scores = ground.rows.scores(without, with_action - without)
    return Part((fold,), (grown("effect", ground.inputs[mask], scores[mask], ground.threads),))


def _revenue(ground: Ground) -> Ensemble | None:
    """Learn what customers spend who are retained without the action, before any discount that comes with it."""
    rows = ground.rows
    usable = ~rows.treated & (rows.retained > 0) & ~np.isnan(rows.revenue)
    if not (rows.revenue[usable] > 0).any():
        return None
    parts = []
    for fold in range(ground.count):
        mask = usable & ground.without(fold)
        spent = np.maximum(rows.revenue[mask], _LEAST_REVENUE)
        parts.append(Part((fold,), (grown("revenue", ground.inputs[mask], spent, ground.threads, rows.weights[mask]),)))
    return Ensemble("mean", tuple(parts))


def grown(what: str, inputs: Floats, target: Floats, threads: int, weights: Floats | None = None) -> lgb.Booster:
    """Grow trees by `PARAMETERS`; weights get a mean of 1, so that regularisation does not depend on them."""
    parameters = dict(PARAMETERS[what])
    rounds, wanted = (int(str(parameters.pop(name))) for name in ("rounds", "min_data_in_leaf"))
    fitting = {
        **parameters,
        "min_data_in_leaf": min(wanted, max(_LEAST_IN_LEAF, len(target) // 20)),
        "num_threads": 1 if len(target) <= _ONE_THREAD else threads,
    }
    scaled = None if weights is None else weights / weights.mean()
    return lgb.train(fitting, lgb.Dataset(inputs, target, weight=scaled), num_boost_round=rounds)
