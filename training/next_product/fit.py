"""Fit the purchase model on earlier snapshots: candidates as of each, labels from the purchases after it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints
from core.errors import DataError
from core.progress import Report, silent, track
from training.evaluation.calibration import Calibration, calibrate
from training.next_product.candidates.finalists import first_margins
from training.next_product.candidates.find import find_candidates
from training.next_product.candidates.inputs import FEATURES
from training.next_product.candidates.sources import fit_sources
from training.next_product.candidates.upgrades import Upgrades, fit_price_habits
from training.next_product.dataset import Dataset, hits
from training.next_product.settings import NextProductSettings

PARAMETERS: dict[str, object] = {
    "objective": "binary",
    "metric": "average_precision",
    "learning_rate": 0.08,
    "num_leaves": 63,
    "min_data_in_leaf": 500,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 127,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
#: Active customers of a snapshot whose candidates are learned from; of more, a seeded sample, with hardly any loss.
ASKED = 1800
#: Share of candidates not bought that trees are grown on; calibration corrects the odds.
KEPT = 0.3
#: Trees at most: more change lists by less than a request with twice the trees takes longer.
ROUNDS = 60
PATIENCE = 30


@dataclass(frozen=True)
class FittedPurchases:
    """What was learned from labels.

    Attributes
    ----------
    booster, calibration
        The odds that a customer buys a candidate in the label window, and how they become a probability.
    first
        How the odds of the first trees become a probability.
    recall, novel_recall
        Per snapshot the share of what was bought, and of what was bought for the first time, that was among the
        candidates; it caps everything after.
    """

    booster: lgb.Booster
    calibration: Calibration
    first: Calibration
    recall: dict[str, float]
    novel_recall: dict[str, float]


@dataclass(frozen=True)
class Examples:
    """Candidates of active customers at a snapshot, stacked.

    Attributes
    ----------
    inputs
        Candidates x `FEATURES`.
    labels
        1 where the candidate was bought in the label window.
    novel
        Whether the customer never bought the candidate before.
    bought, novel_bought
        Products bought in the label window, and those of them never bought before.
    """

    inputs: Floats
    labels: Ints
    novel: npt.NDArray[np.bool_]
    bought: int
    novel_bought: int

    def thinned(self) -> "Examples":
        """Keep bought candidates and a seeded part of the rest: the same result in a third of the time."""
        kept = (self.labels > 0) | (np.random.default_rng(7).random(len(self.labels)) < KEPT)
        return replace(self, inputs=self.inputs[kept], labels=self.labels[kept], novel=self.novel[kept])

    def recall(self) -> float:
        """Return the share of what was bought that is among the candidates."""
        return float(self.labels.sum() / max(self.bought, 1))

    def novel_recall(self) -> float:
        """Return the same of what was bought for the first time."""
        return float(self.labels[self.novel].sum() / max(self.novel_bought, 1))


def examples(dataset: Dataset, settings: NextProductSettings, threads: int) -> Examples:
    """Find and label the candidates of active customers, with sources fitted at the snapshot on all customers."""
    catalogue = dataset.catalogue
    sources = fit_sources(dataset.histories, catalogue, threads)
    upgrades = Upgrades(catalogue, settings.upsell, fit_price_habits(dataset.histories, catalogue, settings.upsell))
    chosen = np.sort(np.random.default_rng(7).permutation(len(dataset.active))[:ASKED]).tolist()
    histories = [dataset.histories[dataset.active[place]] for place in chosen]
    following = [dataset.bought[place] for place in chosen]
    inputs, labels, novel = [], [], []
    for bought, candidates in zip(following, find_candidates(histories, sources, upgrades), strict=True):
        inputs.append(candidates.inputs.astype("float32"))
        labels.append(hits(dataset, candidates.codes, bought))
        novel.append(candidates.own < 0)
    count = sum(len(bought) for bought in following)
    own = sum(
        int(np.isin(catalogue.codes(list(bought)), history.codes).sum())
        for history, bought in zip(histories, following, strict=True)
        if bought
    )
    return Examples(
        inputs=np.vstack(inputs),
        labels=np.concatenate(labels),
        novel=np.concatenate(novel),
        bought=count,
        novel_bought=count - own,
    )


def fit_purchases(
    datasets: Sequence[Dataset], settings: NextProductSettings, threads: int, report: Report = silent
) -> FittedPurchases:
    """Find on the last dataset when to stop, and how far the odds are off; then fit on all of them.

    With one dataset, the number of rounds is fixed, and the odds are only corrected for the thinning.

    Raises
    ------
    DataError
        If no customer bought a product in the label windows.
    """
    usable = [dataset for dataset in datasets if any(dataset.bought)]
    if not usable:
        raise DataError(
            "Expected customers who bought in a label window of next_product, found none.",
            "Choose a longer next_product.horizon_days, or supply more data.",
        )
    parts = []
    for dataset in track(report, usable, lambda d: f"candidates {d.snapshot:%Y-%m-%d}"):
        part = examples(dataset, settings, threads)
        # the last one is needed whole: its odds are those of the business
        parts.append(part if dataset is usable[-1] else part.thinned())
    report(0.8, "LightGBM")
    parameters = {**PARAMETERS, "num_threads": threads}
    rounds, calibration = ROUNDS, Calibration(1.0, float(np.log(KEPT)))
    first = calibration
    if len(parts) > 1:
        data = _dataset(parts[:-1])
        booster = lgb.train(
            parameters,
            data,
            ROUNDS,
            valid_sets=[_dataset(parts[-1:], data)],
            callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        )
        rounds = booster.best_iteration
        margins = np.asarray(booster.predict(parts[-1].inputs, raw_score=True, num_iteration=rounds))
        if 0 < parts[-1].labels.sum() < len(parts[-1].labels):
            calibration = calibrate(margins, parts[-1].labels)
            first = calibrate(first_margins(booster, parts[-1].inputs), parts[-1].labels)
        report(0.9, "LightGBM on all snapshots")
    parts[-1] = parts[-1].thinned()
    dates = [f"{dataset.snapshot:%Y-%m-%d}" for dataset in usable]
    return FittedPurchases(
        booster=lgb.train(parameters, _dataset(parts), rounds),
        calibration=calibration,
        first=first,
        recall={date: part.recall() for date, part in zip(dates, parts, strict=True)},
        novel_recall={date: part.novel_recall() for date, part in zip(dates, parts, strict=True)},
    )


def _dataset(parts: Sequence[Examples], reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(
        np.vstack([part.inputs for part in parts]),
        np.concatenate([part.labels for part in parts]),
        feature_name=list(FEATURES),
        reference=reference,
    )
