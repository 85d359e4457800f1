"""What is on file about a customer. One row per customer of the table and snapshot."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from features.contract.events.interactions import CONSENT
from features.spans.snapshots import Snapshots
from features.spans.spans import pairs
from features.spans.totals import latest_value
from features.views.view import FeatureView

#: Before the name of a configured attribute, so that it cannot be taken for a feature.
ATTRIBUTE = "attribute_"
_KEY = ["customer_id", "position"]


def profile(customers: ir.Table, interactions: ir.Table, snapshots: Snapshots, attributes: Sequence[str]) -> ir.Table:
    """Consent, and the configured attributes as texts. The table has no history: each snapshot says the same.

    An attribute is missing at snapshots before the moment that it is known since as it is; one without such a moment
    counts as always known.

    `marketing_consent` is 1 or 0, null where the customer was never asked: the value of the last interaction of kind
    `consent` before the snapshot (0 where two happened at once), else what is on file. A customer who signed up at or
    after a snapshot is not on file at it.

    Parameters
    ----------
    interactions
        Spans of interactions.
    """
    signup = customers.signup_timestamp
    first = ibis.ifelse(signup.isnull(), ibis.literal(0, "int64"), snapshots.first_after(signup))
    known = pairs(customers.mutate(since=first, until=ibis.literal(snapshots.end, "int64")), snapshots)
    since = known.known_since_timestamp
    written = since.isnull() | (snapshots.first_from(since) <= known.position)
    on_file = known.select(
        *_KEY,
        on_file=known.marketing_consent.cast("int64").cast("float64"),
        **{
            ATTRIBUTE + name: ibis.ifelse(written, known[name].cast("string"), ibis.null("string"))
            for name in attributes
        },
    )
    consents = interactions.filter(interactions.kind == CONSENT.name, interactions.value.notnull())
    answers = latest_value(consents.rename(answered="value"), snapshots, "answered")
    joined = on_file.outer_join(answers, _KEY)
    return joined.select(
        customer_id=joined.customer_id.coalesce(joined.customer_id_right),
        position=joined.position.coalesce(joined.position_right),
        marketing_consent=joined.answered.coalesce(joined.on_file),
        **{name: joined[name] for name in (ATTRIBUTE + name for name in attributes)},
    )


VIEW = FeatureView(
    name="customer_profile",
    entity="customer",
    group="customer",
    tables=("customers", "interactions"),
    expression=lambda inputs: profile(
        inputs.tables.customers, inputs.base.interactions, inputs.snapshots, inputs.attributes
    ),
)
