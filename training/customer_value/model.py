"""The fitted value model: amounts, orders and the next order of customers, with intervals and reasons."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.arrays import Columns, Floats, matrix
from core.errors import StateError
from core.files import write_file
from features.categories import Attributes, model_columns
from features.store.feature_store import Store
from training.btyd.bg_nbd import BgNbd
from training.btyd.gamma_gamma import GammaGamma
from training.customer_value.contributions import READ, start_contributions
from training.customer_value.intervals import Ratios
from training.customer_value.settings import ValueSettings
from training.customer_value.start import (
    ALIVE,
    OVERDUE,
    SHIFT_DAYS,
    Start,
    next_start,
    rhythm,
    with_purchases,
)
from training.customer_value.trees import Trees
from training.lifecycle.booster import load_booster, save_booster

#: What the model forecasts; each has a folder of its own in the artifact.
AMOUNT, ORDERS, NEXT = "amount", "orders", "next"
TARGETS = (AMOUNT, ORDERS, NEXT)
#: A next order is expected where it is likelier than not within the horizon.
_LIKELIER = 0.5


@dataclass(frozen=True)
class Forecast:
    """What is expected of customers. Aligned arrays, one entry a row; NaN for a customer without a purchase.

    Attributes
    ----------
    amount, amount_low, amount_high
        The net amount of [t, t + horizon) in the currency of the data, with its interval.
    orders, orders_low, orders_high
        The number of orders in the same days.
    alive
        The probability that the customer will ever buy again.
    next_days, next_low, next_high
        Days from t until the next order, if it comes within the horizon; NaN where none is expected within it.
    """

    amount: Floats
    amount_low: Floats
    amount_high: Floats
    orders: Floats
    orders_low: Floats
    orders_high: Floats
    alive: Floats
    next_days: Floats
    next_low: Floats
    next_high: Floats


@dataclass(frozen=True)
class Origin:
    """What a model was learned from.

    Attributes
    ----------
    parameters
        LightGBM's; none where customers are too few for trees.
    training_snapshots
        Dates.
    features_left_out
        Columns that the data have no values of, or one only.
    """

    parameters: dict[str, Any]
    training_snapshots: tuple[str, ...]
    training_rows: int
    features_left_out: tuple[str, ...]


@dataclass(frozen=True)
class ValueModel:
    """Forecasts what customers spend, how often they order and when next, and explains the amounts.

    Attributes
    ----------
    start
        The forecast that the trees correct, fitted at the newest training snapshot.
    features
        Names of the inputs, in the trees' order; all that the start of an amount reads are among them.
    amounts, orders, next_order
        The trees of each.
    ratios
        Intervals by target: `amount`, `orders`, `next`.
    interval
        The share of the truths that the intervals hold.
    labels_end
        Where the last label window it learned from ends; it may be measured from there on.
    typical
        Typical customers, rows x features: what it would say of a customer without a theme is asked with their values.
    """

    start: Start
    features: tuple[str, ...]
    amounts: Trees
    orders: Trees
    next_order: Trees
    ratios: Mapping[str, Ratios]
    interval: float
    labels_end: datetime
    origin: Origin
    typical: tuple[tuple[float, ...], ...]

    @property
    def horizon_days(self) -> int:
        """Days that the amount is of."""
        return self.start.horizon_days

    @property
    def method(self) -> str:
        """What forecasts, in words."""
        base = "BG/NBD x Gamma-Gamma and recent spending"
        return f"LightGBM on top of {base}" if self.amounts.rounds else base

    @cached_property
    def background(self) -> Floats:
        """Typical customers, rows x features."""
        return np.array(self.typical).reshape(-1, len(self.features))

    def columns(self, rows: pd.DataFrame | Sequence[Mapping[str, Any]], moments: Floats) -> Columns:
        """Return what the model may read of customers; see `features.categories.model_columns`."""
        return model_columns(rows, moments, Attributes())

    def inputs(self, columns: Columns, rows: int) -> Floats:
        """Stack columns to rows x features."""
        return matrix(columns, self.features, rows)

    def forecast(self, columns: Columns, rows: int) -> Forecast:
        """Return what is expected of each customer from the moment of its row on."""
        known = with_purchases(columns, rows)
        inputs = self.inputs(columns, rows)
        amount = self.amounts.corrected(self.start.amount(known), inputs)
        orders = self.orders.corrected(self.start.orders(known), inputs)
        waited = next_start(self.start, known)
        days = self.next_order.corrected(waited, matrix(rhythm(self.start, known), self.next_features, rows))
        low, high = self.ratios[NEXT].bounds(days)
        expected = self.start.returns(known) >= _LIKELIER
        next_days, next_low, next_high = (
            np.where(expected, np.maximum(one - SHIFT_DAYS, 0.0), np.nan) for one in (days, low, high)
        )
        return Forecast(
            amount,
            *self.ratios[AMOUNT].bounds(amount),
            orders,
            *self.ratios[ORDERS].bounds(orders),
            self.start.alive(known),
            next_days,
            next_low,
            next_high,
        )

    @property
    def next_features(self) -> tuple[str, ...]:
        """Names of the inputs of the trees of the next order."""
        return (*self.features, OVERDUE, ALIVE)

    def margin(self, inputs: Floats) -> Floats:
        """Return the logarithm of the amount of each row of inputs, of customers with a purchase."""
        logarithms: Floats = np.log(self.amounts.corrected(self.start.amount(self._read_by_start(inputs)), inputs))
        return logarithms

    def contributions(self, inputs: Floats) -> Floats:
        """Return what each input adds to the logarithm of the amount, rows x (features + 1).

        Shapley values of the start and TreeSHAP values of the trees on top of it; the last column is the base value.
        Each row sums to what `margin` returns. Rows are of customers with a purchase.
        """
        columns = self._read_by_start(inputs)
        shares, base = start_contributions(self.start, columns, self._read_by_start(self.background))
        values = self.amounts.contributions(inputs)
        for name, share in shares.items():
            values[:, self.features.index(name)] += share
        values[:, -1] += base
        return values

    def _read_by_start(self, inputs: Floats) -> Columns:
        return {name: inputs[:, self.features.index(name)] for name in READ}

    def prepared(self, store: Store, as_of: datetime) -> "ValueModel":
        """Forecast and explain a typical customer: it warms the trees, and fails where a file is broken."""
        del store, as_of
        inputs = self.background[:1]
        self.forecast({name: inputs[:, place] for place, name in enumerate(self.features)}, 1)
        self.contributions(inputs)
        return self

    def save(self, directory: Path) -> None:
        """Write the model as plain text files."""
        checksums = {}
        for name, trees in zip(TARGETS, (self.amounts, self.orders, self.next_order), strict=True):
            if trees.booster is not None:
                (directory / name).mkdir()
                checksums[name] = save_booster(trees.booster, directory / name)
        meta = {
            "boosters": checksums,
            "start": asdict(self.start),
            "features": self.features,
            "ratios": {name: asdict(ratios) for name, ratios in self.ratios.items()},
            "interval": self.interval,
            "labels_end": self.labels_end.isoformat(),
            "origin": asdict(self.origin),
            "typical": self.typical,
        }
        write_file(directory / "model.json", json.dumps(meta, indent=2).encode())

    @classmethod
    def load(cls, directory: Path) -> "ValueModel":
        """Read what `save` wrote."""
        meta = json.loads((directory / "model.json").read_text())
        trees = {
            name: Trees(load_booster(directory / name, meta["boosters"][name]) if name in meta["boosters"] else None)
            for name in TARGETS
        }
        start = meta["start"]
        return cls(
            start=Start(start["horizon_days"], BgNbd(**start["rate"]), GammaGamma(**start["spend"])),
            features=tuple(meta["features"]),
            amounts=trees[AMOUNT],
            orders=trees[ORDERS],
            next_order=trees[NEXT],
            ratios={name: _read_ratios(ratios) for name, ratios in meta["ratios"].items()},
            interval=meta["interval"],
            labels_end=datetime.fromisoformat(meta["labels_end"]),
            origin=_read_origin(meta["origin"]),
            typical=tuple(tuple(row) for row in meta["typical"]),
        )


def check_horizon(label: str, model: ValueModel, settings: ValueSettings) -> None:
    """Refuse a version that forecasts another number of days than the settings ask for.

    Raises
    ------
    StateError
        If it does.
    """
    wanted = settings.horizon_days
    if model.horizon_days != wanted:
        raise StateError(
            f"{label} forecasts amounts of {model.horizon_days} days; value.horizon_days is {wanted}.",
            "Run `encore train value`, or set value.horizon_days to what the version was trained with.",
        )


def _read_ratios(meta: dict[str, Any]) -> Ratios:
    return Ratios(tuple(meta["sizes"]), tuple(meta["low"]), tuple(meta["high"]))


def _read_origin(meta: dict[str, Any]) -> Origin:
    return Origin(
        parameters=meta["parameters"],
        training_snapshots=tuple(meta["training_snapshots"]),
        training_rows=meta["training_rows"],
        features_left_out=tuple(meta["features_left_out"]),
    )


class _PyFunc:
    """What `mlflow models serve` and `mlflow.pyfunc.load_model` call."""

    def __init__(self, model: ValueModel) -> None:
        self._model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Forecast customers.

        Parameters
        ----------
        model_input
            One row per customer: the model's features by name.

        Returns
        -------
        One row per customer: the columns of `Forecast`.
        """
        del params
        columns = {str(name): values.to_numpy(dtype="float64") for name, values in model_input.items()}
        return pd.DataFrame(vars(self._model.forecast(columns, len(model_input))))


def _load_pyfunc(path: str) -> _PyFunc:
    """MLflow's entry point; the name is MLflow's."""
    return _PyFunc(ValueModel.load(Path(path)))
