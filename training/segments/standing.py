"""Where customers stand: all rules together, for one customer or many."""

from dataclasses import dataclass

import numpy as np

from core.arrays import Columns, Floats
from training.segments import rfm
from training.segments.ladder import ladder
from training.segments.names import Names, column, rows_of
from training.segments.rfm import RfmCuts
from training.segments.settings import SegmentSettings
from training.segments.stages import stages


@dataclass(frozen=True)
class Cuts:
    """What is learned from a population, and stays the same until it is learned again.

    Attributes
    ----------
    rfm
        Limits between the RFM scores.
    typical_gap
        The median of the customers' mean gaps between days with a purchase, in days.
    """

    rfm: RfmCuts
    typical_gap: float

    @classmethod
    def learn(cls, columns: Columns, settings: SegmentSettings) -> "Cuts":
        """Learn from all customers at one moment.

        Parameters
        ----------
        columns
            Features with ages, as `features.vectors.with_ages` returns them.
        """
        limits = RfmCuts.fixed(settings.rfm_cuts) if settings.rfm_cuts else RfmCuts.learn(columns)
        return cls(limits, typical_gap(columns, settings))


def typical_gap(columns: Columns, settings: SegmentSettings) -> float:
    """Return the median of the customers' mean gaps between days with a purchase, in days."""
    gaps = column(columns, "gap_mean", rows_of(columns))
    known = gaps[gaps > 0]
    return float(np.median(known)) if len(known) else settings.stages.typical_gap_days


@dataclass(frozen=True)
class Standing:
    """Where customers stand; arrays that are aligned with the columns.

    Attributes
    ----------
    recency_score, frequency_score, monetary_score
        Whole numbers 1 to 5, 5 the best; NaN for a customer without a purchase.
    rfm_group
        One of `training.segments.rfm.GROUPS`; empty where a score is missing.
    stage
        One of `training.segments.stages.STAGES`; empty for a customer without a purchase or contract.
    ladder
        One of `training.segments.ladder.RUNGS`; empty for a customer without a purchase or contract.
    """

    recency_score: Floats
    frequency_score: Floats
    monetary_score: Floats
    rfm_group: Names
    stage: Names
    ladder: Names


def stand(columns: Columns, cuts: Cuts, settings: SegmentSettings) -> Standing:
    """Say where customers stand; columns that the data do not have leave their rules without an answer.

    Parameters
    ----------
    columns
        Features with ages, as `features.vectors.with_ages` returns them.
    """
    rows = rows_of(columns)
    scored = rfm.score(columns, cuts.rfm, rows)
    return Standing(
        recency_score=scored.recency,
        frequency_score=scored.frequency,
        monetary_score=scored.monetary,
        rfm_group=scored.group,
        stage=stages(columns, cuts.typical_gap, settings.stages, rows),
        ladder=ladder(columns, settings, rows),
    )
