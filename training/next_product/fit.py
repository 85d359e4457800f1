"""Fit the rankers on earlier snapshots: candidates as they would have been found, labels from what came after."""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

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
#: What was never bought is bought so rarely that its ranker has to be kept simpler.
NOVEL: dict[str, object] = {"num_leaves": 15, "min_data_in_leaf": 1000, "learning_rate": 0.05, "lambda_l2": 10.0}


@dataclass(frozen=True)
class Rankers:
    """A ranker of all candidates, and one of those never bought, which filtering the first would not rank as well.

    Attributes
    ----------
    recall, novel_recall
        Per snapshot the share of what was bought, and of what was bought for the first time, that was among the
        candidates; it caps everything after.
    """

    general: lgb.Booster
    novel: lgb.Booster
    recall: dict[str, float]
    novel_recall: dict[str, float]


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
    novel
        Whether the customer never bought the candidate.
    bought, novel_bought
        Products bought in the label window, and those of them never bought before.
    """

    inputs: Floats
    labels: Ints
    groups: Ints
    novel: npt.NDArray[np.bool_]
    bought: int
    novel_bought: int

    def never_bought(self) -> "Examples":
        """Return the candidates never bought, of the customers who bought one of them."""
        customers = np.repeat(np.arange(len(self.groups)), self.groups)
        hits = np.bincount(customers, weights=self.labels * self.novel, minlength=len(self.groups))
        kept = self.novel & (hits[customers] > 0)
        groups = np.bincount(customers[kept], minlength=len(self.groups))
        counts = self.novel_bought, self.novel_bought
        return Examples(self.inputs[kept], self.labels[kept], groups[groups > 0], self.novel[kept], *counts)


def examples(moment: Moment, settings: NextProductSettings, threads: int) -> Examples:
    """Find and label the candidates of every asked customer, with sources fitted at the moment."""
    sources = fit_sources(moment.histories, moment.catalogue, threads)
    asked = list(moment.questions())
    inputs, labels, novel = [], [], []
    for (_, bought), found in zip(
        asked, find_candidates([history for history, _ in asked], sources, moment.catalogue, settings), strict=True
    ):
        inputs.append(found.inputs.astype("float32"))
        labels.append(hits(moment, found.codes, bought))
        novel.append(found.own < 0)
    own = sum(int(np.isin(moment.catalogue.codes(list(bought)), history.codes).sum()) for history, bought in asked)
    count = sum(len(bought) for _, bought in asked)
    groups = np.array([len(part) for part in labels])
    return Examples(np.vstack(inputs), np.concatenate(labels), groups, np.concatenate(novel), count, count - own)


def fit_rankers(
    moments: Sequence[Moment], settings: NextProductSettings, threads: int, report: Report = silent
) -> Rankers:
    """Fit on all moments but the last, which decides when to stop; with one moment, a fixed number of rounds.

    Raises
    ------
    DataError
        If nobody bought anything in the label windows.
    """
    asked = [moment for moment in moments if moment.asked]
    if not asked:
        raise DataError(
            "Expected customers who bought in a label window of next_product, found none.",
            "Choose a longer next_product.horizon_days, or supply more data.",
        )
    found = [
        examples(moment, settings, threads)
        for moment in track(report, asked, lambda m: f"candidates {m.snapshot:%Y-%m-%d}")
    ]
    novel = [part for part in (one.never_bought() for one in found) if len(part.groups)]
    report(0.9, "LambdaRank")
    general = _fit(found, {**PARAMETERS, "num_threads": threads})
    dates = [f"{moment.snapshot:%Y-%m-%d}" for moment in asked]
    return Rankers(
        general,
        _fit(novel, {**PARAMETERS, **NOVEL, "num_threads": threads}) if novel else general,
        {date: float(part.labels.sum() / max(part.bought, 1)) for date, part in zip(dates, found, strict=True)},
        {
            date: float((part.labels * part.novel).sum() / max(part.novel_bought, 1))
            for date, part in zip(dates, found, strict=True)
        },
    )


def _fit(found: Sequence[Examples], parameters: dict[str, object]) -> lgb.Booster:
    train, last = (found[:-1], found[-1]) if len(found) > 1 else (found, None)
    data = _dataset(train)
    booster = lgb.train(
        parameters,
        data,
        num_boost_round=ROUNDS if last else ROUNDS // 4,
        valid_sets=[_dataset([last], data)] if last else None,
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)] if last else None,
    )
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))


def _dataset(parts: Sequence[Examples], reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(
        np.vstack([part.inputs for part in parts]),
        np.concatenate([part.labels for part in parts]),
        group=np.concatenate([part.groups for part in parts]),
        feature_name=list(FEATURES),
        reference=reference,
        free_raw_data=True,
    )
