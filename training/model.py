"""What a model is: the contract that the runner, the gate, the commands, serving and the data check rely on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.arrays import Columns, Floats
from core.progress import Report
from core.settings import Settings
from features.services import ModelSettings
from features.snapshots import Schedule, Split
from features.store.feature_store import Store
from training.evaluation.comparison import Comparison
from training.evaluation.grade import Grading
from training.evaluation.leakage import Signs
from training.evaluation.sheet import Headline, Sheet
from training.readiness.facts import DataFacts
from training.readiness.fitness import Fitness

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Artifact(Protocol):
    """A fitted model, as files that it writes and reads. None of them is a pickle."""

    @property
    def labels_end(self) -> datetime:
        """The end of the last label window that it learned from; it may be measured from there on."""
        ...

    def prepared(self, store: Store, as_of: datetime) -> Self:
        """Return the model ready to answer for the moment of the online store's rows; raises where it is broken."""
        ...

    def save(self, directory: Path) -> None:
        """Write the model into an existing, empty folder."""
        ...

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote."""
        ...


@runtime_checkable
class Objecting(Protocol):
    """What a fitted model has beside `Artifact` where it can have learned nothing that may be acted on."""

    @property
    def objection(self) -> str | None:
        """Why it must not become the champion, even without another one, in sentences; None where it may."""
        ...


A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True)
class Context:
    """What a model is trained and measured on.

    Attributes
    ----------
    schedule
        The snapshots of all models.
    split
        The snapshots of this model.
    built
        Fingerprint of the features.
    """

    settings: Settings
    store: Store
    schedule: Schedule
    split: Split
    built: str


@dataclass(frozen=True)
class Fitted(Generic[A]):
    """A fitted model with everything that is registered beside it.

    Attributes
    ----------
    params, metrics
        Of the MLflow run. Metrics are of the test snapshots.
    card
        The model card, Markdown.
    pictures
        A function that draws each picture, by name; they are called one after the other when they are logged.
    example, output
        A few rows of what `mlflow models serve` takes and returns.
    rows
        How many rows it was trained and measured on, by group of the split: `train`, `validation`, `test`.
    left_out
        Features that the data have no values of.
    signs
        Signs of leakage, which the gate looks at; None where a model does not learn two outcomes from features of
        customers.
    """

    artifact: A
    params: Mapping[str, object]
    metrics: Mapping[str, float]
    grading: Grading
    card: str
    pictures: Mapping[str, "Callable[[], Figure]"]
    example: pd.DataFrame
    output: pd.DataFrame
    rows: Mapping[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    signs: Signs | None = None


class Model(Protocol[A]):
    """A kind of model. Its room implements this once, and `training.registry` lists it.

    Attributes
    ----------
    settings
        Its section of the configuration, which names it, its feature service and its windows.
    artifact
        The class that is fitted, saved and loaded.
    room
        The package (or module) of its code; an edit there makes its versions stale.
    pyfunc
        The module with `_load_pyfunc`, by which MLflow's own server loads it.
    """

    settings: ClassVar[type[ModelSettings]]
    artifact: ClassVar[type[Any]]
    room: ClassVar[str]
    pyfunc: ClassVar[str]

    def depends_on(self, settings: Settings) -> Sequence[object]:
        """Return the settings and parameters that decide what is fitted; features and code are added by the runner."""
        ...

    def fit(self, context: Context, report: Report) -> Fitted[A]:
        """Fit on the training snapshots and measure on the test snapshots, beside the baselines.

        Raises
        ------
        DataError
            If the data cannot carry a model.
        """
        ...

    def check(self, label: str, artifact: A, settings: Settings) -> None:
        """Refuse a version that answers another question than the settings ask, such as another churn definition.

        Raises
        ------
        StateError
            If it does.
        """
        ...

    def evaluate(self, context: Context, label: str, artifact: A, report: Report) -> dict[str, Any]:
        """Measure a version and every baseline on the same customers of the test snapshots; plain values for JSON."""
        ...

    def compare(self, context: Context, challenger: A, champion: A, report: Report) -> Comparison:
        """Measure two versions on the same customers of the test snapshots, which neither has learned from."""
        ...

    def sheets(self, evaluation: Mapping[str, Any]) -> Sequence[Sheet]:
        """Return the result of `evaluate` as tables for people."""
        ...

    def headlines(self, metrics: Mapping[str, float]) -> Sequence[Headline]:
        """Return the few figures of a version that everybody should see, each beside a baseline's."""
        ...

    def outcomes(self, settings: Settings, asked: pd.DataFrame) -> pd.DataFrame:
        """Return what came of answers, by the model's own labels.

        Parameters
        ----------
        asked
            One row per answer: `customer_id`, `as_of` (the moment it is for), `snapshot` (the midnight at or after it,
            as microseconds in UTC like `as_of`). All label windows are over.

        Returns
        -------
        The rows of `asked` that have an outcome, with the column `outcome`: 1 or 0 for a model of risks; for a model of
        offers the frozenset of the products that were bought; for a model of amounts what was spent.
        """
        ...

    def judge(self, settings: Settings, facts: DataFacts) -> Fitness | None:
        """Judge whether the data can carry the model; None where they have no rows of what the model is about."""
        ...


@dataclass(frozen=True)
class Tuned:
    """The best parameters found, their mean log loss over the folds, that of the defaults, and the trials made."""

    parameters: dict[str, object]
    loss: float
    default_loss: float
    trials: int


@runtime_checkable
class TunableModel(Protocol):
    """What a model has beside `Model` where its parameters can be searched."""

    def tune(self, settings: Settings, trials: int, report: Report) -> Tuned:
        """Search until the study of these features and settings has `trials` finished trials; keep the best.

        The next training takes the parameters that were found.
        """
        ...


@runtime_checkable
class RecalibratableModel(Protocol[A]):
    """What a model has beside `Model` where its probabilities can be fitted to newer labels without training."""

    def recalibrate(self, context: Context, artifact: A, report: Report) -> Fitted[A] | None:
        """Fit the calibration to the newest complete labels, and measure on the last test snapshot.

        Its labels end at or before that snapshot. None where there are no newer labels than the version knows.
        """
        ...


@runtime_checkable
class WaitingModel(Protocol):
    """What a model has beside `Model` where its snapshots can be there before anything can be learned at them."""

    def waits(self, context: Context) -> str | None:
        """Return why nothing can be learned yet, in a sentence; None where it can."""
        ...


@dataclass(frozen=True)
class Observed:
    """What a version reads and answers about customers. One row per customer and snapshot.

    Attributes
    ----------
    snapshots
        Moments in UTC, to the microsecond.
    columns
        Its inputs by name; codes for categories.
    scores
        Its calibrated probabilities.
    high
        The score from which a customer counts as high; None where that is not fixed.
    """

    customers: npt.NDArray[np.object_]
    snapshots: npt.NDArray[np.datetime64]
    columns: Columns
    scores: Floats
    high: float | None = None


@runtime_checkable
class ObservableModel(Protocol):
    """What a model has beside `Model` where its inputs and scores can be compared between moments."""

    def learned_at(self, artifact: Any) -> Sequence[datetime]:  # noqa: ANN401 - of its own class
        """Return the snapshots that a version was trained on, in ascending order."""
        ...

    def observe(
        self,
        settings: Settings,
        store: Store,
        artifact: Any,  # noqa: ANN401 - of its own class
        snapshots: Sequence[datetime],
    ) -> Observed:
        """Return what a version reads and answers about the customers whom it answers about at snapshots.

        Where there are more customers than models learn from, these are the ones that they learn from.
        """
        ...
