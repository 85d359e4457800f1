"""The fitted churn model: what scores, its calibration, and what its inputs usually look like."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from core.arrays import Columns, Floats, matrix
from core.files import write_file
from features.categories import Attributes, Categories, model_columns
from features.store.feature_store import Store
from training.churn.additive import Additive
from training.churn.definition import Definition
from training.churn.trees import Trees
from training.evaluation.calibration import Calibration
from training.evaluation.peers import Group, Peers
from training.lifecycle.booster import load_booster, save_booster


@dataclass(frozen=True)
class Origin:
    """What a model was learned from.

    Attributes
    ----------
    parameters
        LightGBM's; none where it is not LightGBM that scores.
    training_snapshots, validation_snapshots
        Dates.
    features_left_out
        Columns that the data have no values of, or one only.
    """

    parameters: dict[str, Any]
    training_snapshots: tuple[str, ...]
    validation_snapshots: tuple[str, ...]
    training_rows: int
    features_left_out: tuple[str, ...]


@dataclass(frozen=True)
class ChurnModel:
    """Scores and explains customers.

    Attributes
    ----------
    scorer
        Turns inputs into log odds, and says what each adds: trees, or a sum of terms where customers are few or where a
        rule is not beaten.
    features
        Names of the inputs, in the scorer's order.
    categories
        The values of attributes that are no numbers, in the order of their codes.
    numbers
        The attributes that are numbers.
    left
        For each attribute the share of the customers it was learned from that churned, by code; for "" that of all.
    peers
        The usual values of active customers of the training snapshots, of all of them and of similar ones.
    labels_end
        Where the last label window it learned from ends; it may be measured from there on. Of a split by customers, the
        first snapshot: the customers of the tests are others.
    rule
        The name of the rule that it is, where nothing learned beats it.
    typical
        Typical customers, rows x features: what it would say of a customer without a theme is asked with their values.
    median_margin
        Of the customers of the validation snapshots, in log odds.
    """

    scorer: Trees | Additive
    features: tuple[str, ...]
    calibration: Calibration
    categories: Categories
    left: dict[str, tuple[float, ...]]
    peers: Peers
    definition: Definition
    labels_end: datetime
    origin: Origin
    numbers: tuple[str, ...] = ()
    rule: str | None = None
    typical: tuple[tuple[float, ...], ...] = ()
    median_margin: float | None = None

    @property
    def method(self) -> str:
        """What scores, in words."""
        if self.rule is not None:
            return f"the rule {self.rule}"
        if isinstance(self.scorer, Trees):
            return "LightGBM"
        return f"logistic regression on {', '.join(self.features)}"

    @property
    def subject(self) -> Literal["risk", "renewal"]:
        """What its margins are about: leaving, or not renewing a contract that ends."""
        return "renewal" if self.definition.renewal else "risk"

    @property
    def everyone(self) -> Group:
        """What is usual for all customers that it learned from."""
        return self.peers.all

    @property
    def attributes(self) -> Attributes:
        """How it reads the attributes of customers."""
        return Attributes(self.categories, self.numbers)

    def inputs(self, columns: Columns, rows: int) -> Floats:
        """Stack columns to rows x features."""
        return matrix(columns, self.features, rows)

    def columns(self, rows: pd.DataFrame | Sequence[Mapping[str, Any]], moments: Floats) -> Columns:
        """Return what the model may read of customers; see `features.categories.model_columns`."""
        return model_columns(rows, moments, self.attributes)

    def margin(self, inputs: Floats) -> Floats:
        """Return the raw log odds of each row, before calibration."""
        return self.scorer.margin(inputs)

    def risk(self, inputs: Floats) -> Floats:
        """Return the calibrated probability of churn of each row."""
        return self.calibration.probability(self.margin(inputs))

    @cached_property
    def base_risk(self) -> float:
        """The risk at the base value, the average log odds that every explanation starts from."""
        empty = np.full((1, len(self.features)), np.nan)
        return float(self.calibration.probability(self.contributions(empty)[:, -1])[0])

    @property
    def typical_risk(self) -> float:
        """The risk of the median customer of the validation snapshots."""
        if self.median_margin is None:
            return self.base_risk
        return float(self.calibration.probability(np.array([self.median_margin]))[0])

    @cached_property
    def background(self) -> Floats:
        """Typical customers, rows x features."""
        return np.array(self.typical or [[self.peers.everyone[name] for name in self.features]])

    def contributions(self, inputs: Floats) -> Floats:
        """Return SHAP values, rows x (features + 1); the last column is the base value.

        Each row sums to its raw margin.
        """
        return self.scorer.contributions(inputs)

    def similar(self, columns: Columns, place: int) -> Group:
        """Return the customers like the one in a row of features."""
        by = self.peers.by
        return self.peers.like(float(columns[by][place]) if by is not None and by in columns else np.nan)

    def prepared(self, store: Store, as_of: datetime) -> "ChurnModel":
        """Explain a row without values: it warms the scorer, and fails where the file is broken."""
        del store, as_of
        self.contributions(np.full((1, len(self.features)), np.nan))
        return self

    def save(self, directory: Path) -> None:
        """Write the model as plain text files."""
        if isinstance(self.scorer, Trees):
            scorer: dict[str, Any] = {"booster": save_booster(self.scorer.booster, directory)}
        else:
            scorer = {"additive": asdict(self.scorer)}
        meta = {
            **scorer,
            "features": self.features,
            "calibration": asdict(self.calibration),
            "categories": self.categories,
            "numbers": self.numbers,
            "left": self.left,
            "peers": asdict(self.peers),
            "definition": asdict(self.definition),
            "labels_end": self.labels_end.isoformat(),
            "origin": asdict(self.origin),
            "rule": self.rule,
            "typical": self.typical,
            "median_margin": self.median_margin,
        }
        write_file(directory / "model.json", json.dumps(meta, indent=2).encode())

    @classmethod
    def load(cls, directory: Path) -> "ChurnModel":
        """Read what `save` wrote."""
        meta = json.loads((directory / "model.json").read_text())
        peers = meta["peers"]
        trees = "booster" in meta
        return cls(
            scorer=Trees(load_booster(directory, meta["booster"])) if trees else Additive.read(meta["additive"]),
            features=tuple(meta["features"]),
            calibration=Calibration(**meta["calibration"]),
            categories={name: tuple(values) for name, values in meta["categories"].items()},
            left={name: tuple(shares) for name, shares in meta["left"].items()},
            peers=Peers(
                by=peers["by"],
                edges=tuple(peers["edges"]),
                everyone=peers["everyone"],
                groups=tuple(peers["groups"]),
                middles=tuple(
                    {name: (low, high) for name, (low, high) in middle.items()} for middle in peers.get("middles", ())
                ),
            ),
            definition=Definition(**meta["definition"]),
            labels_end=datetime.fromisoformat(meta["labels_end"]),
            origin=_read_origin(meta["origin"]),
            numbers=tuple(meta.get("numbers", ())),
            rule=meta.get("rule"),
            typical=tuple(tuple(row) for row in meta.get("typical", ())),
            median_margin=meta.get("median_margin"),
        )


def _read_origin(meta: dict[str, Any]) -> Origin:
    return Origin(
        parameters=meta["parameters"],
        training_snapshots=tuple(meta["training_snapshots"]),
        validation_snapshots=tuple(meta["validation_snapshots"]),
        training_rows=meta["training_rows"],
        features_left_out=tuple(meta["features_left_out"]),
    )


class _PyFunc:
    """What `mlflow models serve` and `mlflow.pyfunc.load_model` call."""

    def __init__(self, model: ChurnModel) -> None:
        self._model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        del params
        inputs = model_input[list(self._model.features)].to_numpy(dtype="float64")
        return pd.DataFrame({"risk": self._model.risk(inputs)})


def _load_pyfunc(path: str) -> _PyFunc:
    """MLflow's entry point; the name is MLflow's."""
    return _PyFunc(ChurnModel.load(Path(path)))
