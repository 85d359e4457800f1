"""Fit the reranker on earlier snapshots: candidates as they would have been found, labels from what came after."""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from features.config import NextProductSettings
from features.errors import DataError
from features.progress import Report, silent, track
from features.vectors import Floats
from training.metrics import Ints
from training.next_product.candidates import FEATURES, find_candidates
from training.next_product.dataset import Moment, hits
from training.next_product.sources import fit_sources

PARAMETERS: dict[str, object] = {
    "objective": "lambdarank",
    "metric": "ndcg",
    "eval_at": [10],
    "lambdarank_truncation_level": 20,
    "learning_rate": 0.08,
    "num_leaves": 31,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "max_bin": 127,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
ROUNDS = 400
PATIENCE = 30


@dataclass(frozen=True)
class Examples:
    """Candidates of many customers, stacked.

    Attributes
    ----------
    inputs
        Candidates x `FEATURES`.
    labels
        1 where the candidate was bought in the label window.
    groups
        Candidates per customer, in order.
    recall
        Share of what was bought that is among the candidates; it caps everything after.
    """

    inputs: Floats
    labels: Ints
    groups: Ints
    recall: float


def examples(moment: Moment, settings: NextProductSettings, threads: int) -> Examples:
    """Find and label the candidates of every asked customer, with sources fitted at the moment."""
    sources = fit_sources(moment.histories, moment.catalogue, threads)
    inputs, labels, bought_count = [], [], 0
    for history, bought in moment.questions():
        found = find_candidates(history, sources, moment.catalogue, settings)
        inputs.append(found.inputs.astype("float32"))
        labels.append(hits(moment, found.codes, bought))
        bought_count += len(bought)
    stacked = np.concatenate(labels)
    groups = np.array([len(part) for part in labels])
    return Examples(np.vstack(inputs), stacked, groups, float(stacked.sum() / max(bought_count, 1)))


def fit_ranker(
    moments: Sequence[Moment], settings: NextProductSettings, threads: int, report: Report = silent
) -> tuple[lgb.Booster, dict[str, float]]:
    """Fit on all moments but the last, which decides when to stop; with one moment, a fixed number of rounds.

    Returns
    -------
    The ranker, and the candidate recall of each moment by date.

    Raises
    ------
    DataError
        If nobody bought anything in the label windows.
    """
    if not any(moment.asked for moment in moments):
        raise DataError(
            "Expected customers who bought in a label window of next_product, found none.",
            "Choose a longer next_product.horizon_days, or supply more data.",
        )
    found = [
        examples(moment, settings, threads)
        for moment in track(report, [m for m in moments if m.asked], lambda m: f"candidates {m.snapshot:%Y-%m-%d}")
    ]
    report(0.95, "LambdaRank")
    train, last = (found[:-1], found[-1]) if len(found) > 1 else (found, None)
    data = _dataset(train)
    booster = lgb.train(
        {**PARAMETERS, "num_threads": threads},
        data,
        num_boost_round=ROUNDS if last else ROUNDS // 4,
        valid_sets=[_dataset([last], data)] if last else None,
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)] if last else None,
    )
    ranker = lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))
    asked = [m for m in moments if m.asked]
    return ranker, {f"{m.snapshot:%Y-%m-%d}": e.recall for m, e in zip(asked, found, strict=True)}


def _dataset(parts: Sequence[Examples], reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(
        np.vstack([part.inputs for part in parts]),
        np.concatenate([part.labels for part in parts]),
        group=np.concatenate([part.groups for part in parts]),
        feature_name=list(FEATURES),
        reference=reference,
        free_raw_data=True,
    )
