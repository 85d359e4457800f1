"""Fit the purchase model on earlier snapshots: candidates as they would have been found, labels from what followed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints
from core.errors import DataError
from core.progress import Report, silent, track
from training.evaluation.calibration import Calibration, calibrate
from training.next_product.candidates.find import find_candidates
from training.next_product.candidates.inputs import FEATURES
from training.next_product.candidates.sources import fit_sources
from training.next_product.candidates.upgrades import Upgrades, fit_price_habits
from training.next_product.dataset import Moment, hits
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
#: Active customers of a snapshot whose candidates are learned from; of more, a seeded sample, which costs little.
ASKED = 1800
#: Of what was not bought, the share that trees are grown on; calibration sets the odds right again.
KEPT = 0.3
ROUNDS = 600
PATIENCE = 30


@dataclass(frozen=True)
class Fitted:
    """What was learned from labels.

    Attributes
    ----------
    booster, calibration
        The odds that a customer buys a candidate in the label window, and how they become a probability.
    recall, novel_recall
        Per snapshot the share of what was bought, and of what was bought for the first time, that was among the
        candidates; it caps everything after.
    """

    booster: lgb.Booster
    calibration: Calibration
    recall: dict[str, float]
    novel_recall: dict[str, float]


@dataclass(frozen=True)
class Examples:
    """Candidates of active customers at a moment, stacked.

    Attributes
    ----------
    inputs
        Candidates x `FEATURES`.
    labels
        1 where the candidate was bought in the label window.
    novel
        Whether the customer never bought the candidate.
    bought, novel_bought
        Products bought in the label window, and those of them never bought before.
    """

    inputs: Floats
    labels: Ints
    novel: npt.NDArray[np.bool_]
    bought: int
    novel_bought: int

    def thinned(self) -> "Examples":
        """Keep what was bought and a seeded part of the rest, which loses nothing and takes a third of the time."""
        kept = (self.labels > 0) | (np.random.default_rng(7).random(len(self.labels)) < KEPT)
        return replace(self, inputs=self.inputs[kept], labels=self.labels[kept], novel=self.novel[kept])

    def recall(self) -> float:
        """Return the share of what was bought that is among the candidates."""
        return float(self.labels.sum() / max(self.bought, 1))

    def novel_recall(self) -> float:
        """Return the same of what was bought for the first time."""
        return float(self.labels[self.novel].sum() / max(self.novel_bought, 1))


def examples(moment: Moment, settings: NextProductSettings, threads: int) -> Examples:
    """Find and label the candidates of active customers, with sources fitted at the moment on everybody."""
    catalogue = moment.catalogue
    sources = fit_sources(moment.histories, catalogue, threads)
    upgrades = Upgrades(catalogue, settings.upsell, fit_price_habits(moment.histories, catalogue, settings.upsell))
    chosen = np.sort(np.random.default_rng(7).permutation(len(moment.active))[:ASKED]).tolist()
    histories = [moment.histories[moment.active[place]] for place in chosen]
    following = [moment.bought[place] for place in chosen]
    inputs, labels, novel = [], [], []
    for bought, found in zip(following, find_candidates(histories, sources, upgrades), strict=True):
        inputs.append(found.inputs.astype("float32"))
        labels.append(hits(moment, found.codes, bought))
        novel.append(found.own < 0)
    count = sum(len(bought) for bought in following)
    own = sum(
        int(np.isin(catalogue.codes(list(bought)), history.codes).sum())
        for history, bought in zip(histories, following, strict=True)
        if bought
    )
    return Examples(np.vstack(inputs), np.concatenate(labels), np.concatenate(novel), count, count - own)


def fit_purchases(
    moments: Sequence[Moment], settings: NextProductSettings, threads: int, report: Report = silent
) -> Fitted:
    """Find on the last moment when to stop, and how far the odds are off; then fit on all of them.

    With one moment, the number of rounds is fixed, and the odds are only put right for the thinning.

    Raises
    ------
    DataError
        If nobody bought anything in the label windows.
    """
    asked = [moment for moment in moments if any(moment.bought)]
    if not asked:
        raise DataError(
            "Expected customers who bought in a label window of next_product, found none.",
            "Choose a longer next_product.horizon_days, or supply more data.",
        )
    found = []
    for moment in track(report, asked, lambda m: f"candidates {m.snapshot:%Y-%m-%d}"):
        one = examples(moment, settings, threads)
        # the last one is needed whole: its odds are those of the business
        found.append(one if moment is asked[-1] else one.thinned())
    report(0.8, "LightGBM")
    parameters = {**PARAMETERS, "num_threads": threads}
    rounds, calibration = ROUNDS // 6, Calibration(1.0, float(np.log(KEPT)))
    if len(found) > 1:
        data = _dataset(found[:-1])
        booster = lgb.train(
            parameters,
            data,
            ROUNDS,
            valid_sets=[_dataset(found[-1:], data)],
            callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        )
        rounds = booster.best_iteration
        margins = np.asarray(booster.predict(found[-1].inputs, raw_score=True, num_iteration=rounds))
        if 0 < found[-1].labels.sum() < len(found[-1].labels):
            calibration = calibrate(margins, found[-1].labels)
        report(0.9, "LightGBM on all snapshots")
    found[-1] = found[-1].thinned()
    dates = [f"{moment.snapshot:%Y-%m-%d}" for moment in asked]
    return Fitted(
        lgb.train(parameters, _dataset(found), rounds),
        calibration,
        {date: part.recall() for date, part in zip(dates, found, strict=True)},
        {date: part.novel_recall() for date, part in zip(dates, found, strict=True)},
    )


def _dataset(parts: Sequence[Examples], reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(
        np.vstack([part.inputs for part in parts]),
        np.concatenate([part.labels for part in parts]),
        feature_name=list(FEATURES),
        reference=reference,
    )
