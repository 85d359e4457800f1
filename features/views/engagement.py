"""How a customer answers campaigns. One row per customer and snapshot."""

import ibis.expr.types as ir

from features.contract.events.interactions import CONTACT, REDEMPTION
from features.views.known import known_customers
from features.views.view import FeatureView
from features.views.visible import visible, whole_seconds, within

WINDOW = 84
_COUNTS = ("contacts_total", "contacts_84d", "redemptions_total", "redemptions_84d")


def engagement(interactions: ir.Table, known: ir.Table, snapshots: ir.Table) -> ir.Table:
    """Contacts, redemptions, and the answer rate: of the campaigns contacted in, those redeemed, in all history.

    Parameters
    ----------
    known
        One row per customer and snapshot to answer for; a customer without interactions has counts of 0.

    Returns
    -------
    One row per row of `known`. The rate is null for a customer who was never contacted.
    """
    keys = ["customer_id", "snapshot"]
    seen = visible(interactions, snapshots)
    contact = seen.kind == CONTACT.name
    redemption = seen.kind == REDEMPTION.name
    counts = seen.group_by(keys).agg(
        contacts_total=seen.count(where=contact),
        contacts_84d=seen.count(where=contact & within(seen, WINDOW)),
        last_contact=whole_seconds(seen.event_timestamp.max(where=contact)),
        redemptions_total=seen.count(where=redemption),
        redemptions_84d=seen.count(where=redemption & within(seen, WINDOW)),
        last_redemption=whole_seconds(seen.event_timestamp.max(where=redemption)),
    )
    named = seen.filter(seen.campaign_id.notnull())
    campaigns = named.group_by(*keys, "campaign_id").agg(
        contacted=(named.kind == CONTACT.name).any(), redeemed=(named.kind == REDEMPTION.name).any()
    )
    answers = campaigns.group_by(keys).agg(
        campaigns_contacted=campaigns.count(where=campaigns.contacted),
        answered=campaigns.count(where=campaigns.contacted & campaigns.redeemed),
    )
    joined = known.left_join(counts, keys).drop("customer_id_right", "snapshot_right")
    joined = joined.left_join(answers, keys).drop("customer_id_right", "snapshot_right")
    filled = {name: joined[name].fill_null(0) for name in (*_COUNTS, "campaigns_contacted")}
    return joined.mutate(**filled, answer_rate=joined.answered / joined.campaigns_contacted.nullif(0)).drop("answered")


VIEW = FeatureView(
    name="customer_engagement",
    entity="customer",
    group="customer",
    tables=("interactions", "transactions", "subscriptions"),
    expression=lambda inputs: engagement(inputs.interactions, known_customers(inputs), inputs.snapshots),
    kinds=(CONTACT, REDEMPTION),
    ages={"days_since_contact": "last_contact", "days_since_redemption": "last_redemption"},
)
