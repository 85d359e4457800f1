"""The fitted uplift model: what each action adds to the probability that a customer is retained."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Columns, Floats, matrix
from core.errors import StateError
from core.files import write_file
from features.categories import Attributes, Texts, codes, model_columns, numeric
from features.store.feature_store import Store
from training.uplift.action import ActionModel, ActionUplift
from training.uplift.files import Boosters, read_action, write_action
from training.uplift.folds import folds_of
from training.uplift.settings import UpliftSettings


@dataclass(frozen=True)
class UpliftModel:
    """Answers whom an action changes.

    Attributes
    ----------
    learned
        The model of every action that was tried.
    inputs
        Names of the columns that it reads, in the order of its trees.
    attributes
        How it reads the attributes of customers.
    labels_end
        The first snapshot that it learned at: the customers of each fold are measured by parts that did not see them,
        so that it may be measured on all of them.
    objection
        Why it must not answer, in sentences; None where it may.
    left_out
        Features that the data have no values of, or one only.
    """

    learned: tuple[ActionModel, ...]
    inputs: tuple[str, ...]
    attributes: Attributes
    horizon_days: int
    labels_end: datetime
    objection: str | None = None
    left_out: tuple[str, ...] = ()

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that it answers about: those whose ranking gains more than one by lot."""
        return tuple(one.action for one in self.learned if one.accepted)

    @property
    def learner(self) -> Mapping[str, str]:
        """The learner by action."""
        return {one.action: one.learner for one in self.learned if one.accepted}

    def columns(self, rows: pd.DataFrame | Sequence[Mapping[str, Any]], moments: Floats) -> Columns:
        """Return what the model may read of customers; see `features.categories.model_columns`."""
        return model_columns(rows, moments, self.attributes)

    def matrix(self, columns: Columns, texts: Texts, rows: int) -> Floats:
        """Stack columns to rows x inputs; texts of attributes are read as they were learned."""
        numbers = {name: texts[name] for name in self.attributes.numbers if name in texts}
        categories = {name: texts[name] for name in self.attributes.categories if name in texts}
        read = {**columns, **numeric(numbers), **codes(categories, self.attributes.categories)}
        return matrix(read, self.inputs, rows)

    def predict(self, columns: Columns, texts: Texts, rows: int) -> Mapping[str, ActionUplift]:
        """Answer for customers whom it may or may not have learned from, by action.

        Parameters
        ----------
        columns
            Numbers by name with ages in days, as `columns` returns them.
        texts
            Attributes by name of the feature that are not among the columns yet.
        """
        inputs = self.matrix(columns, texts, rows)
        return {one.action: one.predict(inputs) for one in self.learned if one.accepted}

    def predict_unseen(
        self, columns: Columns, texts: Texts, customers: npt.NDArray[np.object_]
    ) -> Mapping[str, ActionUplift]:
        """Answer for each customer by the parts that did not learn from the customer, in whatever campaign it was."""
        inputs = self.matrix(columns, texts, len(customers))
        return {one.action: one.unseen(inputs, folds_of(customers, one.folds)) for one in self.learned if one.accepted}

    def prepared(self, store: Store, as_of: datetime) -> "UpliftModel":
        """Answer for an unknown customer: it warms the trees, and fails where a file is broken."""
        del store, as_of
        for one in self.learned:
            one.predict(np.full((1, len(self.inputs)), np.nan))
        return self

    def save(self, directory: Path) -> None:
        """Write the model as plain text files."""
        boosters = Boosters(directory)
        meta = {
            "learned": [write_action(one, boosters) for one in self.learned],
            "boosters": boosters.checksums,
            "inputs": self.inputs,
            "attributes": asdict(self.attributes),
            "horizon_days": self.horizon_days,
            "labels_end": self.labels_end.isoformat(),
            "objection": self.objection,
            "left_out": self.left_out,
        }
        write_file(directory / "model.json", json.dumps(meta, indent=2).encode())

    @classmethod
    def load(cls, directory: Path) -> "UpliftModel":
        """Read what `save` wrote."""
        meta = json.loads((directory / "model.json").read_text())
        boosters = Boosters(directory, meta["boosters"])
        categories = {name: tuple(values) for name, values in meta["attributes"]["categories"].items()}
        return cls(
            learned=tuple(read_action(one, boosters) for one in meta["learned"]),
            inputs=tuple(meta["inputs"]),
            attributes=Attributes(categories, tuple(meta["attributes"]["numbers"])),
            horizon_days=meta["horizon_days"],
            labels_end=datetime.fromisoformat(meta["labels_end"]),
            objection=meta["objection"],
            left_out=tuple(meta["left_out"]),
        )


def check_horizon(label: str, model: UpliftModel, settings: UpliftSettings) -> None:
    """Refuse a version that answers for another number of days than the settings ask for.

    Raises
    ------
    StateError
        If it does.
    """
    wanted = settings.horizon_days
    if model.horizon_days != wanted:
        raise StateError(
            f"{label} answers who is retained for {model.horizon_days} days; uplift.horizon_days is {wanted}.",
            "Run `encore train uplift`, or set uplift.horizon_days to what the version was trained with.",
        )


class _PyFunc:
    """What `mlflow models serve` and `mlflow.pyfunc.load_model` call."""

    def __init__(self, model: UpliftModel) -> None:
        self._model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Answer for customers.

        Parameters
        ----------
        model_input
            One row per customer: the model's inputs by name.

        Returns
        -------
        One row per customer and action that is answered about: `row`, `action`, and the columns of `ActionUplift`.
        """
        del params
        columns = {str(name): values.to_numpy(dtype="float64") for name, values in model_input.items()}
        return answers_frame(self._model.predict(columns, {}, len(model_input)))


def answers_frame(answers: Mapping[str, ActionUplift]) -> pd.DataFrame:
    """Return answers as a table."""
    parts = [
        pd.DataFrame({"row": np.arange(len(one.lift)), "action": action, **vars(one)})
        for action, one in answers.items()
    ]
    names = ["row", "action", *ActionUplift.__dataclass_fields__]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({name: [] for name in names})


def _load_pyfunc(path: str) -> _PyFunc:
    """MLflow's entry point; the name is MLflow's."""
    return _PyFunc(UpliftModel.load(Path(path)))
