"""How a customer visits, complains, and returns goods. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from features.contract.events.interactions import CLICK, COMPLAINT, RATING, RETURN, SERVICE_REQUEST, VISIT
from features.spans.snapshots import Snapshots
from features.spans.spans import longer_ago, pairs, within
from features.spans.totals import beside, latest_value, totals
from features.spans.visible import RECENT_DAYS, days_between, whole_seconds
from features.views.ratios import trend
from features.views.view import FeatureView

WINDOW = 84


def usage(interactions: ir.Table, known: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Visits against the customer's own habit, clicks, complaints, service requests, the last rating, and returns.

    `visits_usual_28d` is the average of 28 days over [first visit, t - 28 days), null where that is shorter than 28
    days; `visits_trend` is the last 28 days over it. `visit_value_28d` sums the values of visits, whatever their unit.
    `nps_latest` is the value of the last rating before t, at any age.

    Parameters
    ----------
    interactions
        Spans of interactions.
    known
        One row per customer and position to answer for; a customer without interactions has counts of 0.
    """
    seen = pairs(interactions, snapshots, WINDOW)
    visit, returned = seen.kind == VISIT.name, seen.kind == RETURN.name
    recent = within(seen, RECENT_DAYS)
    counts = seen.group_by("customer_id", "position").agg(
        visits_28d=seen.count(where=visit & recent),
        visits_84d=seen.count(where=visit),
        visit_value_28d=seen.value.sum(where=visit & recent),
        clicks_84d=seen.count(where=seen.kind == CLICK.name),
        complaints_84d=seen.count(where=seen.kind == COMPLAINT.name),
        service_requests_84d=seen.count(where=seen.kind == SERVICE_REQUEST.name),
        returns_84d=seen.count(where=returned),
        returned_amount_84d=seen.value.sum(where=returned),
    )
    visits = interactions.filter(interactions.kind == VISIT.name)
    moments = totals(
        visits,
        snapshots,
        earliest={"first_visit": visits.event_timestamp},
        latest={"last_visit": whole_seconds(visits.event_timestamp)},
    )
    before = totals(longer_ago(visits, RECENT_DAYS), snapshots, sums={"visits_before": ibis.literal(1, "int64")})
    ratings = interactions.filter(interactions.kind == RATING.name, interactions.value.notnull())
    last = latest_value(ratings.rename(nps_latest="value"), snapshots, "nps_latest")
    joined = snapshots.dated(beside(beside(beside(beside(known, counts), moments), before), last))
    lived = days_between(joined.first_visit, joined.snapshot) / RECENT_DAYS - 1
    usual = (lived >= 1).ifelse(joined.visits_before.fill_null(0) / lived, ibis.null("float64"))
    zero = {name: joined[name].fill_null(0) for name in joined.columns if name.endswith(("_28d", "_84d"))}
    filled = joined.mutate(**zero, visits_usual_28d=usual)
    return filled.mutate(visits_trend=trend(filled.visits_28d, filled.visits_usual_28d)).drop(
        "visits_before", "first_visit", "snapshot"
    )


VIEW = FeatureView(
    name="customer_usage",
    entity="customer",
    group="customer",
    tables=("interactions", "transactions", "subscriptions"),
    expression=lambda inputs: usage(inputs.base.interactions, inputs.base.known, inputs.snapshots),
    kinds=(VISIT, CLICK, COMPLAINT, SERVICE_REQUEST, RATING, RETURN),
    ages={"days_since_visit": "last_visit"},
)
