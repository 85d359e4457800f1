"""How a customer visits, complains, and returns goods. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from features.contract.events.interactions import CLICK, COMPLAINT, RATING, RETURN, SERVICE_REQUEST, VISIT
from features.views.known import known_customers
from features.views.ratios import trend
from features.views.view import FeatureView
from features.views.visible import RECENT_DAYS, days_between, visible, whole_seconds, within

WINDOW = 84


def usage(interactions: ir.Table, known: ir.Table, snapshots: ir.Table) -> ir.Table:
    """Visits against the customer's own habit, clicks, complaints, service requests, the last rating, and returns.

    `visits_usual_28d` is the average of 28 days over [first visit, t - 28 days), null where that is shorter than 28
    days; `visits_trend` is the last 28 days over it. `visit_value_28d` sums the values of visits, whatever their unit.
    `nps_latest` is the value of the last rating before t, at any age.

    Parameters
    ----------
    known
        One row per customer and snapshot to answer for; a customer without interactions has counts of 0.
    """
    keys = ["customer_id", "snapshot"]
    seen = visible(interactions, snapshots)
    visit, rating, returned = (seen.kind == kind.name for kind in (VISIT, RATING, RETURN))
    recent, lately = within(seen, RECENT_DAYS), within(seen, WINDOW)
    counts = seen.group_by(keys).agg(
        visits_28d=seen.count(where=visit & recent),
        visits_84d=seen.count(where=visit & lately),
        visit_value_28d=seen.value.sum(where=visit & recent).fill_null(0.0),
        visits_before=seen.count(where=visit & ~recent),
        first_visit=seen.event_timestamp.min(where=visit),
        last_visit=whole_seconds(seen.event_timestamp.max(where=visit)),
        clicks_84d=seen.count(where=(seen.kind == CLICK.name) & lately),
        complaints_84d=seen.count(where=(seen.kind == COMPLAINT.name) & lately),
        service_requests_84d=seen.count(where=(seen.kind == SERVICE_REQUEST.name) & lately),
        nps_latest=seen.value.argmax(seen.event_timestamp, where=rating & seen.value.notnull()),
        returns_84d=seen.count(where=returned & lately),
        returned_amount_84d=seen.value.sum(where=returned & lately).fill_null(0.0),
    )
    joined = known.left_join(counts, keys).drop("customer_id_right", "snapshot_right")
    lived = days_between(joined.first_visit, joined.snapshot) / RECENT_DAYS - 1
    usual = (lived >= 1).ifelse(joined.visits_before / lived, ibis.null("float64"))
    zero = {name: joined[name].fill_null(0) for name in joined.columns if name.endswith(("_28d", "_84d"))}
    filled = joined.mutate(**zero, visits_usual_28d=usual)
    return filled.mutate(visits_trend=trend(filled.visits_28d, filled.visits_usual_28d)).drop(
        "visits_before", "first_visit"
    )


VIEW = FeatureView(
    name="customer_usage",
    entity="customer",
    group="customer",
    tables=("interactions", "transactions", "subscriptions"),
    expression=lambda inputs: usage(inputs.interactions, known_customers(inputs), inputs.snapshots),
    kinds=(VISIT, CLICK, COMPLAINT, SERVICE_REQUEST, RATING, RETURN),
    ages={"days_since_visit": "last_visit"},
)
