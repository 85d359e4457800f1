"""The current churn definition: who is active, and when an active customer churns."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.arrays import Columns
from core.errors import StateError
from training.churn.settings import ChurnSettings


@dataclass(frozen=True)
class Definition:
    """The churn definition a model was trained for; every answer names it.

    Attributes
    ----------
    activity_window_days
        Non-contractual: active are those who bought in this many days before. None where contracts decide.
    grace_days
        Contractual: a contract counts as renewed if the next one starts within this many days after its end.
    population
        Whose churn is asked about: of all active customers, or of those whose contract ends in the label window.
    horizon_days
        None where the business's own label decides, which does not say how far it looks ahead.
    """

    kind: Literal["non_contractual", "contractual", "labelled"]
    horizon_days: int | None
    gap_days: int
    activity_window_days: int | None = None
    grace_days: int | None = None
    population: Literal["up_for_renewal", "all"] = "all"

    @property
    def renewal(self) -> bool:
        """Whether the question is who will not renew."""
        return self.population == "up_for_renewal"

    def active(self, columns: Columns) -> npt.NDArray[np.bool_]:
        """Return which rows of features (ages in days) are of customers whose churn is asked about."""
        if self.renewal and self.horizon_days is not None:
            days = columns["days_to_contract_end"]
            return np.asarray((days >= self.gap_days) & (days < self.gap_days + self.horizon_days))
        return self.present(columns)

    def new(self, columns: Columns) -> npt.NDArray[np.bool_]:
        """Return which rows are of customers who have bought once, so that it is too early to tell; with purchases."""
        if self.kind != "non_contractual":
            return np.zeros(len(next(iter(columns.values()), ())), dtype=bool)
        return np.asarray(columns["baskets_total"] <= 1)

    def present(self, columns: Columns) -> npt.NDArray[np.bool_]:
        """Return which rows are of customers who have not left: with a contract that runs, or who bought of late.

        With labels, all are.
        """
        if self.kind == "labelled":
            return np.ones(len(next(iter(columns.values()), ())), dtype=bool)
        if self.activity_window_days is not None:
            return np.asarray(columns["recency_days"] <= self.activity_window_days)
        # a contract without an end runs on; the age of one that is over is missing
        runs = ~(columns["days_to_contract_end"] < 0) & ~np.isnan(columns["contract_age_days"])
        return np.asarray(runs)


def definition_of(churn: ChurnSettings) -> Definition:
    """Return the churn definition of the settings."""
    if churn.kind == "contractual":
        return Definition(
            churn.kind,
            churn.horizon_days,
            churn.gap_days,
            grace_days=churn.grace_days,
            population="up_for_renewal" if churn.renewal else "all",
        )
    if churn.kind == "labelled":
        # the horizon of the settings keeps the groups of a split apart; the label itself has its own
        return Definition(churn.kind, None, churn.gap_days)
    return Definition(churn.kind, churn.horizon_days, churn.gap_days, activity_window_days=churn.activity_window_days)


def check_definition(model: str, definition: Definition, churn: ChurnSettings) -> None:
    """Refuse to measure a model on labels of another definition.

    Raises
    ------
    StateError
        If the definition of the settings is not the model's.
    """
    if definition != definition_of(churn):
        raise StateError(
            f"{model} was trained for {definition}; the settings say {definition_of(churn)}.",
            "Train again, or set the definition back.",
        )
