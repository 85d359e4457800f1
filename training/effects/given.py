"""Outcomes that somebody else has measured, and that come with the data."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.arrays import Floats
from core.settings import Settings, StoreSettings
from core.sql import engine, relation
from features.engine.duckdb import contract_file

Measure = Literal["retained", "orders", "revenue", "margin"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
Names = npt.NDArray[np.object_]


def read_given(
    settings: Settings, customers: Names, campaigns: Names, margin: float | None = None
) -> dict[Measure, Floats]:
    """Return the given outcomes of customers in campaigns, by measure; NaN where none is given.

    An outcome without a campaign is of the first one that the customer was assigned to, and one with it wins over it.
    Where it is not given who was retained, these are the customers with an order or some revenue; where no margin is
    given, it is `margin` times the revenue.
    """
    assignments, outcomes = (
        relation(contract_file(settings[StoreSettings], name)) for name in ("assignments", "outcomes")
    )
    stated = ", ".join(
        f"coalesce(max({name}::DOUBLE) FILTER (named), max({name}::DOUBLE)) AS {name}" for name in MEASURES
    )
    query = (
        "WITH firsts AS (SELECT customer_id, arg_min(campaign_id, (assigned_timestamp, campaign_id)) AS first_campaign "
        f"FROM {assignments} GROUP BY customer_id), "
        "found AS (SELECT * EXCLUDE (campaign_id), campaign_id IS NOT NULL AS named, "
        f"coalesce(campaign_id, first_campaign) AS campaign_id FROM {outcomes} LEFT JOIN firsts USING (customer_id)), "
        f"stated AS (SELECT customer_id, campaign_id, {stated} FROM found GROUP BY ALL) "
        f"SELECT place, {', '.join(MEASURES)} FROM asked JOIN stated USING (customer_id, campaign_id)"
    )
    asked = {
        "place": pa.array(np.arange(len(customers)), pa.int64()),
        "customer_id": pa.array(customers, pa.string()),
        "campaign_id": pa.array(campaigns, pa.string()),
    }
    with engine(settings) as con:
        con.register("asked", pa.table(asked))
        rows = con.execute(query).to_arrow_table()
    given: dict[Measure, Floats] = {}
    for name in MEASURES:
        given[name] = np.full(len(customers), np.nan)
        given[name][rows["place"].to_numpy()] = rows[name].to_numpy().astype("float64")
    return _completed(given, margin)


def _completed(given: dict[Measure, Floats], margin: float | None) -> dict[Measure, Floats]:
    """Take from what is given what follows from it."""
    bought = np.where(np.isnan(given["orders"]), given["revenue"], given["orders"])
    follows = np.where(np.isnan(bought), np.nan, bought > 0)
    given["retained"] = np.where(np.isnan(given["retained"]), follows, given["retained"])
    if margin is not None:
        given["margin"] = np.where(np.isnan(given["margin"]), given["revenue"] * margin, given["margin"])
    return given
