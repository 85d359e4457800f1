"""The contract a customer has. One row per customer and snapshot with a contract that has started."""

import ibis
import ibis.expr.types as ir

from features.views.visible import visible, whole_seconds


def subscription(subscriptions: ir.Table, snapshots: ir.Table) -> ir.Table:
    """Describe the customer's current contract: of those that started before t, the one that ends last.

    `contract_end` lies in the past where the contract was not renewed. `contract_cancelled` is 1 where notice
    had been given before t. `contract_price_change` is its price over that of the contract before; null for the
    first contract, and where a price is not known.
    """
    seen = _started(subscriptions, snapshots)
    own = ibis.window(group_by=["customer_id", "snapshot"], order_by=["end_timestamp", "start_timestamp"])
    ranked = seen.mutate(price_before=seen.price.lag().over(own))
    keys = ["customer_id", "snapshot"]
    latest = [ranked.end_timestamp, ranked.start_timestamp]
    return ranked.group_by(keys).agg(
        first_contract=whole_seconds(ranked.start_timestamp.min()),
        contract_start=whole_seconds(ranked.start_timestamp.last(order_by=latest)),
        contract_end=whole_seconds(ranked.end_timestamp.max()),
        contracts_total=ranked.count(),
        contract_price=ranked.price.last(order_by=latest, include_null=True),
        contract_price_change=(ranked.price / ranked.price_before.nullif(0.0)).last(order_by=latest, include_null=True),
        contract_cancelled=(ranked.cancelled_timestamp < ranked.snapshot)
        .fill_null(False)
        .cast("int64")
        .last(order_by=latest),
    )


def _started(subscriptions: ir.Table, snapshots: ir.Table) -> ir.Table:
    return visible(subscriptions.mutate(event_timestamp=subscriptions.start_timestamp), snapshots)
