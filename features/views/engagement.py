"""How a customer answers campaigns. One row per customer and snapshot."""

import ibis
import ibis.expr.types as ir

from features.contract.events.interactions import CONTACT, REDEMPTION
from features.spans.snapshots import Snapshots
from features.spans.spans import pairs
from features.spans.totals import beside, totals
from features.spans.visible import moment_where
from features.views.view import FeatureView

WINDOW = 84
_COUNTS = ("contacts_total", "contacts_84d", "redemptions_total", "redemptions_84d")


def engagement(interactions: ir.Table, known: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Contacts, redemptions, and the answer rate: of the campaigns contacted in, those redeemed, in all history.

    Parameters
    ----------
    interactions
        Spans of interactions.
    known
        One row per customer and position to answer for; a customer without interactions has counts of 0.

    Returns
    -------
    One row per row of `known`. The rate is null for a customer who was never contacted.
    """
    moment = interactions.event_timestamp
    contact, redemption = interactions.kind == CONTACT.name, interactions.kind == REDEMPTION.name
    always = totals(
        interactions,
        snapshots,
        sums={"contacts_total": contact.cast("int64"), "redemptions_total": redemption.cast("int64")},
        latest={"last_contact": moment_where(contact, moment), "last_redemption": moment_where(redemption, moment)},
    )
    seen = pairs(interactions, snapshots, WINDOW)
    recent = seen.group_by("customer_id", "position").agg(
        contacts_84d=seen.count(where=seen.kind == CONTACT.name),
        redemptions_84d=seen.count(where=seen.kind == REDEMPTION.name),
    )
    joined = beside(beside(beside(known, always), recent), _answers(interactions, snapshots))
    filled = {name: joined[name].fill_null(0) for name in (*_COUNTS, "campaigns_contacted")}
    return joined.mutate(**filled, answer_rate=joined.answered / joined.campaigns_contacted.nullif(0)).drop("answered")


def _answers(interactions: ir.Table, snapshots: Snapshots) -> ir.Table:
    """Count the campaigns that a customer was contacted in, and those of them that the customer redeemed."""
    named = interactions.filter(interactions.campaign_id.notnull())
    campaigns = named.group_by("customer_id", "campaign_id").agg(
        contacted=named.since.min(where=named.kind == CONTACT.name),
        redeemed=named.since.min(where=named.kind == REDEMPTION.name),
    )
    contacted = campaigns.filter(campaigns.contacted.notnull())
    answered = contacted.filter(contacted.redeemed.notnull())
    one, none = ibis.literal(1, "int64"), ibis.literal(0, "int64")
    rows = contacted.select("customer_id", since="contacted", contacts=one, answers=none).union(
        answered.select(
            "customer_id", since=ibis.greatest(answered.contacted, answered.redeemed), contacts=none, answers=one
        )
    )
    rows = rows.mutate(until=ibis.literal(snapshots.end, "int64"))
    return totals(rows, snapshots, sums={"campaigns_contacted": rows.contacts, "answered": rows.answers})


VIEW = FeatureView(
    name="customer_engagement",
    entity="customer",
    group="customer",
    tables=("interactions", "transactions", "subscriptions"),
    expression=lambda inputs: engagement(inputs.base.interactions, inputs.base.known, inputs.snapshots),
    kinds=(CONTACT, REDEMPTION),
    ages={"days_since_contact": "last_contact", "days_since_redemption": "last_redemption"},
)
