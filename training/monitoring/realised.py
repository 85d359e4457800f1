"""How good answers turned out to be: joined with what came of them, by week and model version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from core.arrays import Floats, Ints
from core.settings import Settings
from features.engine.completeness import complete_until, last_rows
from features.services import ModelSettings
from training.evaluation.bootstrap import Estimate
from training.evaluation.metrics import Scored, bootstrap
from training.lifecycle.version import Version
from training.model import Model
from training.monitoring.estimate import estimated

#: Metrics of a model of risks, with the name in MLflow of what training measured.
PROMISED = {
    "roc_auc": "champion.roc_auc",
    "ece": "champion.ece",
    "lift_at_10": "champion.lift_at_10",
    "churn_rate": "test.churn_rate",
}
#: Limits of the bands of risks; each band has its lower one.
BANDS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
#: As many answers of a week are enough to measure.
_MOST = 50_000


@dataclass(frozen=True)
class Band:
    """The answers with a risk in [low, high); the last band has its end too.

    Attributes
    ----------
    risk
        The mean risk.
    churned
        The share of the customers who churned.
    """

    low: float
    high: float
    customers: int
    risk: float
    churned: float


@dataclass(frozen=True)
class RiskWeek:
    """The risks that a version answered in a week; of each customer the last one.

    Attributes
    ----------
    week
        The Monday.
    customers
        Those whose answers are measured: who have an outcome, where outcomes are known, else all.
    estimated
        What was to be expected from the risks alone; see `training.monitoring.estimate`.
    realised
        What came of them, with intervals; None while a label window is open. The AUC, the calibration error and the
        lift are left out where all or none churned.
    bands
        Empty while a label window is open.
    """

    model: str
    week: datetime
    customers: int
    estimated: dict[str, Estimate]
    realised: dict[str, Estimate] | None
    bands: tuple[Band, ...] = ()


@dataclass(frozen=True)
class Shown:
    """How many offers were shown, and how many of them were bought within the horizon."""

    shown: int
    bought: int

    @property
    def share(self) -> float:
        """The share that was bought."""
        return self.bought / self.shown if self.shown else 0.0


@dataclass(frozen=True)
class OfferWeek:
    """The offers that a version showed in a week, of each customer the last list; all horizons are over.

    Attributes
    ----------
    by_place
        From 1 on.
    """

    model: str
    week: datetime
    customers: int
    all: Shown
    by_kind: dict[str, Shown]
    by_place: dict[int, Shown]


def labels_end(settings: Settings, model: ModelSettings, as_of: datetime) -> datetime:
    """Return the moment until which the labels of a model are complete.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    return complete_until(last_rows(settings, as_of), as_of).get(model.windows.labels, as_of)


def with_outcomes(model: Model[Any], settings: Settings, answers: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Return the last answer of each customer by each version in each week, joined with what came of it.

    Parameters
    ----------
    answers
        As `AnswerLog.read` returns them, of the versions of one model.
    as_of
        The moment taken for now.

    Returns
    -------
    The answers with the columns `week` (the Monday) and `outcome`, as the model's `outcomes` gives it; it is missing in
    weeks of a version in which a label window is open still. Answers without an outcome are left out of other weeks.
    """
    weekday = pd.to_timedelta(answers["snapshot"].dt.weekday, unit="D")
    marked = answers.assign(week=answers["snapshot"] - weekday).sort_values("as_of", kind="stable")
    last = marked.drop_duplicates(["customer_id", "model", "week"], keep="last")
    of_model = settings[model.settings]
    closes = last["snapshot"] + timedelta(days=of_model.windows.reach_days)
    over = closes.groupby([last["week"], last["model"]]).transform("max") <= labels_end(settings, of_model, as_of)
    known = [last[~over].assign(outcome=None)]
    if over.any():
        known.append(model.outcomes(settings, last[over]))
    every = pd.concat([part.astype({"outcome": object}) for part in known])
    return every.sort_values(["week", "model", "customer_id"], ignore_index=True)


def risk_weeks(answers: pd.DataFrame) -> list[RiskWeek]:
    """Measure the risks of each version and week.

    Parameters
    ----------
    answers
        Of `with_outcomes`, those with a risk.
    """
    weeks = []
    for (week, model), rows in answers.groupby(["week", "model"]):
        sample = rows if len(rows) <= _MOST else rows.sample(_MOST, random_state=7)
        risks = sample["risk"].to_numpy(dtype="float64")
        expected = estimated(risks)
        if rows["outcome"].isna().all():
            weeks.append(RiskWeek(str(model), _moment(week), len(rows), expected, None))
            continue
        labels = sample["outcome"].to_numpy(dtype="int64")
        realised = realised_risks(risks, labels, sample["customer_id"].to_numpy(dtype=object))
        weeks.append(RiskWeek(str(model), _moment(week), len(rows), expected, realised, bands(risks, labels)))
    return weeks


def realised_risks(risks: Floats, labels: Ints, customers: np.ndarray) -> dict[str, Estimate]:
    """Return AUC, calibration error, lift and churn rate of risks, with intervals from resampled customers."""
    rate = float(labels.mean())
    error = 1.96 * float(np.sqrt(rate * (1 - rate) / len(labels)))
    drawn = bootstrap(labels, {"risk": Scored(risks, risks)}, customers).estimates()["risk"]
    measured = {name: drawn[name] for name in PROMISED if name in drawn}
    return measured | {"churn_rate": Estimate(rate, max(0.0, rate - error), min(1.0, rate + error))}


def bands(risks: Floats, labels: Ints) -> tuple[Band, ...]:
    """Return customers, mean risk and churn of each band of risks that has any."""
    places = np.clip(np.searchsorted(BANDS, risks, side="right") - 1, 0, len(BANDS) - 2)
    found = []
    for place in np.unique(places).tolist():
        inside = places == place
        found.append(
            Band(
                BANDS[place],
                BANDS[place + 1],
                int(inside.sum()),
                float(risks[inside].mean()),
                float(labels[inside].mean()),
            )
        )
    return tuple(found)


def offer_weeks(answers: pd.DataFrame) -> list[OfferWeek]:
    """Count offers that were shown and bought, by version and week.

    Parameters
    ----------
    answers
        Of `with_outcomes`, those with offers; those without an outcome yet are left out.
    """
    weeks = []
    for (week, model), rows in answers[answers["outcome"].notna()].groupby(["week", "model"]):
        lists = zip(rows["offers"], rows["outcome"], strict=True)
        offers = pd.DataFrame(
            [
                (kind, place, product in bought)
                for shown, bought in lists
                for place, (product, kind) in enumerate(shown, start=1)
            ],
            columns=["kind", "place", "bought"],
        )
        every = _counted(offers, "kind"), _counted(offers, "place")
        total = Shown(len(offers), int(offers["bought"].sum()))
        kinds = {str(kind): one for kind, one in every[0].items()}
        weeks.append(OfferWeek(str(model), _moment(week), len(rows), total, kinds, every[1]))
    return weeks


def promised(version: Version | None) -> dict[str, float]:
    """Return what training measured of a version, by our names; nothing of one that is not registered any more."""
    metrics: Mapping[str, float] = version.metrics if version is not None else {}
    return {name: metrics[logged] for name, logged in PROMISED.items() if logged in metrics}


def inside(weeks: Sequence[RiskWeek]) -> dict[str, tuple[int, int]]:
    """Return by metric how many realised figures lie inside the interval that was estimated, of how many."""
    counts: dict[str, tuple[int, int]] = {}
    for one in weeks:
        for name, expected in one.estimated.items():
            if one.realised is not None and name in one.realised:
                hits, total = counts.get(name, (0, 0))
                hit = expected.low <= one.realised[name].value <= expected.high
                counts[name] = hits + hit, total + 1
    return counts


def _counted(offers: pd.DataFrame, column: str) -> dict[int, Shown]:
    grouped = offers.groupby(column)["bought"].agg(["size", "sum"])
    return {key: Shown(int(row["size"]), int(row["sum"])) for key, row in grouped.iterrows()}  # type: ignore[misc]


def _moment(week: object) -> datetime:
    moment: datetime = pd.Timestamp(week).to_pydatetime()  # type: ignore[arg-type]
    return moment
