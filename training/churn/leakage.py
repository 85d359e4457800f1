"""Signs of leakage, reported with the score, so that a reader sees a result that is too good."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from core.arrays import Floats, matrix
from features.vectors import ages
from training.churn.additive import fit_additive
from training.churn.dataset import ChurnSet
from training.churn.fit import grow
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.churn.trees import Trees
from training.evaluation.alone import Strongest, separation
from training.evaluation.bootstrap import Estimate
from training.evaluation.leakage import Availability, Signs

#: Of the rows at random, this share is held out.
_HELD_OUT = 0.25


def leakage_report(model: ChurnModel, *, everything: ChurnSet, test: ChurnSet, churn: ChurnSettings) -> dict[str, Any]:
    """Compare the figures that differ where the future leaks into the past.

    Parameters
    ----------
    everything
        The rows of all snapshots: training, validation and test.

    Returns
    -------
    `time_split` and `random_split`: the AUC on the test rows, and that of the same learner with as many trees
    on a random quarter of all rows; a customer's neighbouring snapshots are nearly copies, so that the random split
    flatters. `strongest_feature`: the feature with the highest AUC on its own, either way round.
    `timestamps`: per snapshot the latest moment among the features that are moments (first and last purchase,
    contact, redemption, contract start; null where there are none), which must lie before it, and the label window,
    without an end where a business's own label does not say how far it looks.
    """
    time_split = float(roc_auc_score(test.churned, model.margin(model.inputs(test.columns, len(test)))))
    strongest = strongest_feature(model, test)
    timestamps = _timestamps(everything, churn, model.definition.horizon_days)
    return {
        "time_split": {"roc_auc": time_split},
        "random_split": {"roc_auc": _random_split(model, everything)},
        "strongest_feature": {"feature": strongest.feature, "roc_auc": strongest.roc_auc} if strongest else None,
        "features_before_labels": all((row["latest_event"] or "") < str(row["snapshot"]) for row in timestamps),
        "timestamps": timestamps,
    }


def _random_split(model: ChurnModel, rows: ChurnSet) -> float:
    held_out = np.random.default_rng(7).random(len(rows)) < _HELD_OUT
    train, rest = rows.rows(~held_out), rows.rows(held_out)
    if not isinstance(model.scorer, Trees):
        return float(roc_auc_score(rest.churned, fit_additive(train, model.features).scores(rest)))
    trees = grow(train, model.features, model.origin.parameters, model.scorer.booster.num_trees())
    margins = trees.margin(matrix(rest.columns, model.features, len(rest)))
    return float(roc_auc_score(rest.churned, margins))


def signs_of(
    model: ChurnModel,
    test_auc: Estimate,
    *,
    train: ChurnSet,
    validation: ChurnSet,
    test: ChurnSet,
    trusted: Sequence[str],
) -> Signs:
    """Return the signs that the gate looks at.

    Parameters
    ----------
    test_auc
        Of the test rows.
    trusted
        Features that may separate nearly perfectly on their own, and may be known in some snapshots only.
    """
    validated = roc_auc_score(validation.churned, model.margin(model.inputs(validation.columns, len(validation))))
    shares = [
        Availability(name, *(float((~np.isnan(rows.columns[name])).mean()) for rows in (train, test)))
        for name in model.features
        if name not in trusted
    ]
    most = max(shares, key=lambda one: one.difference, default=None)
    return Signs(strongest_feature(model, test, trusted), float(validated), test_auc, most)


def strongest_feature(model: ChurnModel, rows: ChurnSet, trusted: Sequence[str] = ()) -> Strongest | None:
    """Return the feature that separates the outcomes best on its own; None where all are trusted.

    A value of an attribute counts by the share of customers who left with it, in the training rows.

    Parameters
    ----------
    trusted
        Features that are passed over.
    """
    areas = {
        name: separation(rows.churned, _ranked(model, rows, name)) for name in model.features if name not in trusted
    }
    if not areas:
        return None
    name = max(areas, key=areas.__getitem__)
    return Strongest(name, areas[name], "churn.trusted_features")


def _ranked(model: ChurnModel, rows: ChurnSet, name: str) -> Floats:
    values = rows.columns[name]
    if name not in model.categories:
        return values
    shares = np.array([*model.left[name], np.nan])
    ranked: Floats = shares[np.where(np.isnan(values), len(shares) - 1, values).astype("int64")]
    return ranked


def _timestamps(rows: ChurnSet, churn: ChurnSettings, horizon_days: int | None) -> list[dict[str, str | None]]:
    known = [rows.columns[name] for name in ages() if name in rows.columns]
    youngest = np.nanmin(np.vstack([*known, np.full(len(rows), np.inf)]), axis=0)
    rows_by_snapshot: list[dict[str, str | None]] = []
    for moment in np.unique(rows.snapshots):
        days = float(youngest[rows.snapshots == moment].min())
        snapshot = moment.astype("datetime64[s]").item()
        latest = snapshot - timedelta(days=days) if np.isfinite(days) else None
        start = snapshot + timedelta(days=churn.gap_days)
        end = start + timedelta(days=horizon_days) if horizon_days is not None else None
        rows_by_snapshot.append(
            {
                "snapshot": f"{snapshot:%Y-%m-%dT%H:%M:%S}",
                "latest_event": f"{latest:%Y-%m-%dT%H:%M:%S}" if latest is not None else None,
                "label_start": f"{start:%Y-%m-%dT%H:%M:%S}",
                "label_end": f"{end:%Y-%m-%dT%H:%M:%S}" if end is not None else None,
            }
        )
    return rows_by_snapshot
