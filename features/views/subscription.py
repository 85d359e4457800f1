"""The contract a customer has. One row per customer and snapshot with a contract that has started."""

import ibis
import ibis.expr.types as ir
import numpy as np

from core.arrays import Columns
from features.spans.contracts import as_known
from features.spans.snapshots import Snapshots
from features.spans.spans import pairs
from features.spans.visible import whole_seconds
from features.views.view import FeatureView

_KEY = ["customer_id", "position"]
#: Represents the end of a contract that runs on where contracts are ordered by their ends.
_NEVER = ibis.literal("9999-01-01", "timestamp")


def subscription(subscriptions: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Describe the customer's current contract: of those that started before t, the one that ends last.

    Ends and prices are those known at t. `contract_end` lies in the past where the contract was not renewed, and is
    null where none was known. `contract_cancelled` is 1 where notice had been given before t.
    `contract_price_change` is its price over that of the contract before; null for the first contract, and where a
    price is not known.

    Parameters
    ----------
    subscriptions
        Spans of contract periods, from their starts.
    """
    seen = as_known(snapshots.dated(pairs(subscriptions, snapshots)))
    seen = seen.mutate(ended=seen.end_timestamp.coalesce(_NEVER))
    own = ibis.window(group_by=_KEY, order_by=["ended", "start_timestamp"])
    before = seen.price.lag().over(own)
    ranked = seen.mutate(
        change=seen.price / before.nullif(0.0),
        cancelled=(seen.cancelled_timestamp < seen.snapshot).fill_null(False).cast("int64"),
    )
    # the greatest of structs that begin with what contracts are ordered by, since not every engine sorts aggregates
    ordered = ("ended", "start_timestamp", "price", "change", "cancelled")
    current = ibis.struct({name: ranked[name] for name in ordered}).max()
    contracts = ranked.group_by(_KEY).agg(
        first_contract=whole_seconds(ranked.start_timestamp.min()), contracts_total=ranked.count(), current=current
    )
    ended = contracts.current["ended"]
    return contracts.select(
        *_KEY,
        "first_contract",
        contract_start=whole_seconds(contracts.current["start_timestamp"]),
        contract_end=whole_seconds(ended.nullif(_NEVER)),
        contracts_total=contracts.contracts_total,
        contract_price=contracts.current["price"],
        contract_price_change=contracts.current["change"],
        contract_cancelled=contracts.current["cancelled"],
    )


#: What describes a running contract, and is missing once it is over.
_RUNNING = (
    "contract_age_days",
    "contract_cancelled",
    "contract_price",
    "contract_price_change",
    "days_to_contract_end",
)


def while_running(columns: Columns) -> Columns:
    """Return what describes the contract, missing for customers whose contract is over."""
    if "days_to_contract_end" not in columns:
        return {}
    over = columns["days_to_contract_end"] < 0
    return {name: np.where(over, np.nan, columns[name]) for name in _RUNNING if name in columns}


VIEW = FeatureView(
    name="customer_subscription",
    entity="customer",
    group="customer",
    tables=("subscriptions",),
    expression=lambda inputs: subscription(inputs.base.subscriptions, inputs.snapshots),
    ages={"contract_age_days": "contract_start", "contracts_tenure_days": "first_contract"},
    countdowns={"days_to_contract_end": "contract_end"},
    on_demand=while_running,
)
