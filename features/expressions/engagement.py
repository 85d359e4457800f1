"""How a customer answers campaigns. One row per customer and snapshot."""

import ibis.expr.types as ir

from features.expressions.visible import visible, whole_seconds, within

WINDOW = 84


def engagement(interactions: ir.Table, known: ir.Table, snapshots: ir.Table) -> ir.Table:
    """Contacts, redemptions, and the answer rate: campaigns redeemed over campaigns contacted, in all history.

    Parameters
    ----------
    known
        One row per customer and snapshot to answer for; a customer without interactions has counts of 0.

    Returns
    -------
    One row per row of `known`. The rate is null for a customer who was never contacted.
    """
    seen = visible(interactions, snapshots)
    contact = seen.kind == "contact"
    redemption = seen.kind == "redemption"
    contacted = seen.campaign_id.nunique(where=contact)
    counts = seen.group_by("customer_id", "snapshot").agg(
        contacts_total=seen.count(where=contact),
        contacts_84d=seen.count(where=contact & within(seen, WINDOW)),
        last_contact=whole_seconds(seen.event_timestamp.max(where=contact)),
        redemptions_total=seen.count(where=redemption),
        redemptions_84d=seen.count(where=redemption & within(seen, WINDOW)),
        last_redemption=whole_seconds(seen.event_timestamp.max(where=redemption)),
        answer_rate=seen.campaign_id.nunique(where=redemption) / contacted.nullif(0),
    )
    joined = known.left_join(counts, ["customer_id", "snapshot"]).drop("customer_id_right", "snapshot_right")
    return joined.mutate(
        **{
            name: joined[name].fill_null(0)
            for name in ("contacts_total", "contacts_84d", "redemptions_total", "redemptions_84d")
        }
    )
