"""What the feature store has to know of a model: which views answer it, and at which moments."""

from dataclasses import dataclass
from typing import ClassVar

from core.settings import Section
from features.snapshots import Windows


@dataclass(frozen=True)
class FeatureService:
    """The feature views that answer one model; Feast's term.

    Attributes
    ----------
    groups
        A view that joins one of these groups is in the service.
    views
        Further views, by name.
    """

    name: str
    groups: frozenset[str]
    views: frozenset[str] = frozenset()


#: Everything about a customer, with the order cycle and the margin. Models that share a service share its vectors.
VALUE_SERVICE = FeatureService(
    "value_v1", groups=frozenset({"customer"}), views=frozenset({"customer_cycle", "customer_margin"})
)


class ModelSettings(Section):
    """The section of a model, which also says what the feature store has to prepare for it."""

    service: ClassVar[FeatureService]

    @property
    def windows(self) -> Windows:
        """The snapshots that the model is trained and measured at."""
        raise NotImplementedError
