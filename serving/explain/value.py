"""A value model as reasons need it."""

from dataclasses import dataclass
from typing import Literal

from core.arrays import Columns, Floats
from features.categories import Categories
from training.customer_value.model import ValueModel
from training.evaluation.peers import Group


@dataclass(frozen=True)
class ExplainableValue:
    """A value model beside what is usual for customers; its margins are logarithms of amounts.

    Attributes
    ----------
    everyone
        What is usual for all customers now.
    """

    model: ValueModel
    everyone: Group
    subject: Literal["value"] = "value"
    numbers: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return self.model.features

    @property
    def categories(self) -> Categories:
        """It reads no attributes of customers."""
        return {}

    @property
    def left(self) -> dict[str, tuple[float, ...]]:
        """It knows nothing of customers who left."""
        return {}

    @property
    def background(self) -> Floats:
        """Typical customers, rows x features."""
        return self.model.background

    def margin(self, inputs: Floats) -> Floats:
        """Return the logarithm of the amount of each row."""
        return self.model.margin(inputs)

    def contributions(self, inputs: Floats) -> Floats:
        """Return what each input adds to it, rows x (features + 1); the last column is the base value."""
        return self.model.contributions(inputs)

    def similar(self, columns: Columns, place: int) -> Group:
        """Compare every customer with all customers."""
        del columns, place
        return self.everyone
