"""The customers of an experiment with one action, and the weights that make its two arms alike."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.arrays import Floats, Ints, Rows

#: Known outcomes that are needed with an action and without it.
LEAST = 50


@dataclass(frozen=True)
class Experiment:
    """Customers who were given one action or left alone by lot. One row per assignment.

    Attributes
    ----------
    places
        The place of each row in the set that the experiment is a part of.
    treated
        Whether the customer was assigned to the action; the others are holdouts of the same campaigns.
    retained
        1.0 or 0.0.
    revenue
        In the days after the assignment; NaN where nothing is sold.
    weights
        Inverse propensities; see `balanced`.
    """

    action: str
    places: Ints
    customers: npt.NDArray[np.object_]
    treated: npt.NDArray[np.bool_]
    retained: Floats
    revenue: Floats
    weights: Floats

    def __len__(self) -> int:
        return len(self.treated)

    def scores(self, base: Floats, lift: Floats) -> Floats:
        """Return a score of each row whose mean over any group of customers is the action's actual effect on it.

        Parameters
        ----------
        base
            Predicted probability of being retained without the action, by a model that did not see the customer.
        lift
            What the action adds to it, likewise; good predictions narrow intervals, bad ones do not bias.

        Notes
        -----
        Augmented inverse propensity weighting (Robins, Rotnitzky and Zhao, 1994; Glynn and Quinn, 2010).
        """
        with_action = np.clip(base + lift, 0.0, 1.0)
        without = np.clip(base, 0.0, 1.0)
        left = self.retained - np.where(self.treated, with_action, without)
        scores: Floats = with_action - without + np.where(self.treated, 1.0, -1.0) * self.weights * left
        return scores


def balanced(campaigns: npt.NDArray[np.object_], treated: Rows, propensity: Floats) -> Floats:
    """Return inverse propensities that sum, in each arm of a campaign, to the number of its rows in both arms.

    Each arm then represents all customers of the campaign (Hájek, 1971), also where an experiment has further arms.
    """
    weights = 1 / propensity
    for campaign in np.unique(campaigns.astype(str)):
        mine = campaigns == campaign
        for arm in (mine & treated, mine & ~treated):
            weights[arm] *= mine.sum() / weights[arm].sum()
    return weights
