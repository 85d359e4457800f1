"""Contamination: customers of the holdout who were contacted, and customers who are in other campaigns meanwhile."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.arrays import Ints, Rows
from features.contract.assigned import HOLDOUT
from features.contract.events.interactions import CONTACT
from training.effects.attribution import Contacts
from training.effects.outcomes import Assigned


def contacted(assigned: Assigned, contacts: Contacts, days: int) -> Rows:
    """Return which assignments have a contact of their own campaign in [assigned, assigned + days)."""
    made = contacts.kinds == CONTACT.name
    touched = {
        "customer": contacts.customers[made],
        "campaign": contacts.campaigns[made],
        "at": contacts.moments[made],
    }
    joined = _assignments(assigned).merge(pd.DataFrame(touched), on=["customer", "campaign"])
    inside = (joined["at"] >= joined["moment"]) & (joined["at"] < joined["moment"] + pd.Timedelta(days=days))
    return _marked(len(assigned), joined.loc[inside, "place"].to_numpy(dtype="int64"))


def elsewhere(assigned: Assigned, others: Assigned, days: int) -> Rows:
    """Return which assignments overlap with an action of another campaign for the same customer.

    Both reach from the assignment to `days` later. The holdout of another campaign is no action.
    """
    acting = others.rows(others.arms != HOLDOUT)
    other = pd.DataFrame({"customer": acting.customers, "other": acting.campaigns, "at": acting.moments})
    joined = _assignments(assigned).merge(other, on="customer")
    near = (joined["at"] - joined["moment"]).abs() < pd.Timedelta(days=days)
    inside = near & (joined["campaign"] != joined["other"])
    return _marked(len(assigned), joined.loc[inside, "place"].to_numpy(dtype="int64"))


@dataclass(frozen=True)
class Shares:
    """How many customers of the arms and of the holdout something happened to."""

    customers: int
    marked: int
    controls: int
    marked_controls: int

    @classmethod
    def of(cls, assigned: Assigned, marked: Rows) -> "Shares":
        """Count."""
        held = assigned.arms == HOLDOUT
        return cls(int((~held).sum()), int(marked[~held].sum()), int(held.sum()), int(marked[held].sum()))

    @property
    def arms(self) -> float:
        """Share of the customers of the arms; 0 where there is none."""
        return self.marked / max(self.customers, 1)

    @property
    def holdout(self) -> float:
        """Share of the holdout; 0 where there is none."""
        return self.marked_controls / max(self.controls, 1)


def _assignments(assigned: Assigned) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "place": np.arange(len(assigned)),
            "customer": assigned.customers,
            "campaign": assigned.campaigns,
            "moment": assigned.moments,
        }
    )


def _marked(count: int, places: Ints) -> Rows:
    mask = np.zeros(count, dtype=bool)
    mask[places] = True
    return mask
