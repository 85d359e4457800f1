"""The models that there are. Adding one is its room and one line here."""

from dataclasses import dataclass

from features.services import ModelSettings
from training.churn.settings import ChurnSettings
from training.next_product.settings import NextProductSettings


@dataclass(frozen=True)
class Registered:
    """A model, without the libraries that it takes.

    Attributes
    ----------
    settings
        Its section of the configuration, which names it.
    """

    settings: type[ModelSettings]


MODELS: list[Registered] = [
    Registered(ChurnSettings),
    Registered(NextProductSettings),
]
