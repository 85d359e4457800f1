"""What is on file about a customer. One row per customer of the table and snapshot."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from features.contract.events.interactions import CONSENT
from features.views.view import FeatureView
from features.views.visible import visible

#: Before the name of a configured attribute, so that it cannot be taken for a feature.
ATTRIBUTE = "attribute_"


def profile(customers: ir.Table, interactions: ir.Table, snapshots: ir.Table, attributes: Sequence[str]) -> ir.Table:
    """Consent, and the configured attributes as texts. The table has no history: each snapshot says the same.

    An attribute is missing at snapshots before the moment that it is known since as it is; one without such a moment
    counts as always known.

    `marketing_consent` is 1 or 0, null where the customer was never asked: the value of the last interaction of kind
    `consent` before the snapshot (0 where two happened at once), else what is on file. A customer who signed up at or
    after a snapshot is not on file at it.
    """
    pairs = customers.cross_join(snapshots)
    known = pairs.filter(pairs.signup_timestamp.isnull() | (pairs.signup_timestamp < pairs.snapshot))
    since = known.known_since_timestamp
    written = since.isnull() | (since <= known.snapshot)
    on_file = known.select(
        "customer_id",
        "snapshot",
        on_file=known.marketing_consent.cast("int64").cast("float64"),
        **{
            ATTRIBUTE + name: ibis.ifelse(written, known[name].cast("string"), ibis.null("string"))
            for name in attributes
        },
    )
    seen = visible(interactions.filter(interactions.kind == CONSENT.name, interactions.value.notnull()), snapshots)
    customer = ["customer_id", "snapshot"]
    last = seen.filter(seen.event_timestamp == seen.event_timestamp.max().over(ibis.window(group_by=customer)))
    answers = last.group_by(customer).agg(answered=last.value.min())
    joined = on_file.outer_join(answers, customer)
    return joined.select(
        customer_id=joined.customer_id.coalesce(joined.customer_id_right),
        snapshot=joined.snapshot.coalesce(joined.snapshot_right),
        marketing_consent=joined.answered.coalesce(joined.on_file),
        **{name: joined[name] for name in (ATTRIBUTE + name for name in attributes)},
    )


VIEW = FeatureView(
    name="customer_profile",
    entity="customer",
    group="customer",
    tables=("customers", "interactions"),
    expression=lambda inputs: profile(inputs.customers, inputs.interactions, inputs.snapshots, inputs.attributes),
)
