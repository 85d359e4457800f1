"""Whether what was learned beats the best rule, by training and validation rows alone."""

from collections.abc import Callable

import numpy as np

from core.arrays import Floats
from features.given import place_of
from training.churn.additive import Additive
from training.churn.dataset import ChurnSet
from training.churn.definition import Definition
from training.churn.rules import best_rule, rules
from training.evaluation.bootstrap import Draws
from training.evaluation.metrics import Scored, bootstrap

_FOLDS = 5
_LEARNED = "learned"

#: Returns the margins of rows, one each.
Score = Callable[[ChurnSet], Floats]
#: Learns from rows.
Learn = Callable[[ChurnSet], Score]


def unbeaten_rule(
    learned: Score, learn: Learn, *, train: ChurnSet, validation: ChurnSet, definition: Definition
) -> tuple[str, Additive] | None:
    """Return the best rule and its name, or None where what was learned beats it.

    It does where the 95 % interval of its gain in AUC, paired by customer, lies above 0, which is what the grade asks
    for too. It is asked on the validation rows. Of few customers these leave it in doubt; then it is asked on the rows
    of training and validation, where each customer is scored by what was learned from the others.

    Parameters
    ----------
    learn
        Learns as `learned` was learned.
    """
    simple = rules(train, definition)
    methods = {name: rule.scores(validation) for name, rule in simple.items()} | {_LEARNED: learned(validation)}
    measured = _measured(validation, methods)
    if not _beats(measured):
        measured = _crossed(learn, train, validation, definition) or measured
    best = best_rule(measured)
    return None if _beats(measured) else (best, simple[best])


def _beats(measured: Draws) -> bool:
    return measured.gain("roc_auc", _LEARNED, best_rule(measured)).low > 0


def _measured(rows: ChurnSet, scores: dict[str, Floats]) -> Draws:
    return bootstrap(rows.churned, {name: Scored(values, None) for name, values in scores.items()}, rows.customers)


def _crossed(learn: Learn, train: ChurnSet, validation: ChurnSet, definition: Definition) -> Draws | None:
    """Measure each customer's rows by what was learned from the training rows of others; None where that cannot be."""
    scored: list[tuple[ChurnSet, dict[str, Floats]]] = []
    for fold in range(_FOLDS):
        others = train.rows(_folds(train) != fold)
        if not 0 < others.churned.sum() < len(others):
            return None
        methods: dict[str, Score] = {name: rule.scores for name, rule in rules(others, definition).items()}
        methods[_LEARNED] = learn(others)
        held_out = [part.rows(_folds(part) == fold) for part in (train, validation)]
        scored += [(rows, {name: score(rows) for name, score in methods.items()}) for rows in held_out if len(rows)]
    common = set.intersection(*(set(scores) for _, scores in scored))
    if len(common) < 2:
        return None
    every = ChurnSet(
        customers=np.concatenate([rows.customers for rows, _ in scored]),
        snapshots=np.concatenate([rows.snapshots for rows, _ in scored]),
        columns={},
        churned=np.concatenate([rows.churned for rows, _ in scored]),
    )
    return _measured(every, {name: np.concatenate([scores[name] for _, scores in scored]) for name in common})


def _folds(rows: ChurnSet) -> Floats:
    return np.array([np.floor(place_of(f"rule {customer}") * _FOLDS) for customer in rows.customers])
