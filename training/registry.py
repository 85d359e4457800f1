"""The models that exist. Adding one is its room and one line here.

Configuration and command line import this module, so it imports nothing but the settings of the models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from features.services import ModelSettings
from training.churn.settings import ChurnSettings
from training.customer_value.settings import ValueSettings
from training.names import command_of, registered_name_of, title_of
from training.next_product.settings import NextProductSettings
from training.segments.settings import SegmentSettings
from training.uplift.settings import UpliftSettings

if TYPE_CHECKING:
    from training.evaluation.sheet import Headline
    from training.model import Artifact, Model


@dataclass(frozen=True)
class Registered:
    """A model, without the libraries that it needs.

    Serving imports the artifact alone, whose module does without the libraries that only training needs.

    Attributes
    ----------
    settings
        Its section of the configuration, which names it.
    implementation
        Where its `Model` is: module and name, with a colon between them.
    artifact
        Where the class is that is fitted, saved and loaded, in the same form.
    help
        What it answers, in one line.
    tunes
        Whether it is a `TunableModel`, too.
    recalibrates
        Whether it is a `RecalibratableModel`, too.
    """

    settings: type[ModelSettings]
    implementation: str
    artifact: str
    help: str
    tunes: bool = False
    recalibrates: bool = False

    @property
    def name(self) -> str:
        """The name of its section, which is also that of its snapshots."""
        return self.settings.section

    @property
    def title(self) -> str:
        """Its name in a sentence."""
        return title_of(self.name)

    @property
    def command(self) -> str:
        """Its name on the command line."""
        return command_of(self.name)

    @property
    def registered_name(self) -> str:
        """Its name in MLflow's registry."""
        return registered_name_of(self.name)

    def load(self) -> "Model[Any]":
        """Import the implementation, which takes seconds the first time."""
        model: Model[Any] = _imported(self.implementation)
        return model

    def headlines(self, metrics: Mapping[str, float]) -> "Sequence[Headline]":
        """Return the few figures of a version that everybody should see; none where it was measured by others.

        Where a model is not trained, this works without the libraries of training.
        """
        module = import_module(f"{self.implementation.rpartition('.')[0]}.report")
        try:
            return tuple(module.headlines(metrics))
        except (KeyError, StopIteration):  # of another version of Encore
            return ()

    def load_artifact(self) -> "type[Artifact]":
        """Import the class of fitted models."""
        artifact: type[Artifact] = _imported(self.artifact)
        return artifact


def _imported(path: str) -> Any:  # noqa: ANN401 - whatever is there
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


MODELS: list[Registered] = [
    Registered(
        ChurnSettings,
        "training.churn.pipeline:CHURN",
        "training.churn.model:ChurnModel",
        "Which active customers are about to leave.",
        tunes=True,
        recalibrates=True,
    ),
    Registered(
        NextProductSettings,
        "training.next_product.pipeline:NEXT_PRODUCT",
        "training.next_product.model:NextProductModel",
        "Which products a customer buys next.",
    ),
    Registered(
        ValueSettings,
        "training.customer_value.pipeline:VALUE",
        "training.customer_value.model:ValueModel",
        "What customers spend next, how often they order, and when.",
    ),
    Registered(
        SegmentSettings,
        "training.segments.pipeline:SEGMENTS",
        "training.segments.model:SegmentsModel",
        "Which clusters of similar customers there are.",
    ),
    Registered(
        UpliftSettings,
        "training.uplift.pipeline:UPLIFT",
        "training.uplift.model:UpliftModel",
        "Whom a contact changes.",
    ),
]


def find_model(name: str) -> Registered | None:
    """Return a model by its name on the command line, in the configuration or in MLflow's registry; None for others."""
    return next((one for one in MODELS if name in {one.command, one.name, one.registered_name}), None)
