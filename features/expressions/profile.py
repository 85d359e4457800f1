"""What is on file about a customer. One row per customer of the table and snapshot."""

from collections.abc import Sequence

import ibis.expr.types as ir

#: Before the name of a configured attribute, so that it cannot be taken for a feature.
ATTRIBUTE = "attribute_"


def profile(customers: ir.Table, snapshots: ir.Table, attributes: Sequence[str]) -> ir.Table:
    """Consent, and the configured attributes as texts. The table has no history: each snapshot says the same.

    `marketing_consent` is 1 or 0, null where the customer was never asked. A customer who signed up at or after a
    snapshot is not in it.
    """
    pairs = customers.cross_join(snapshots)
    known = pairs.filter(pairs.signup_timestamp.isnull() | (pairs.signup_timestamp < pairs.snapshot))
    return known.select(
        "customer_id",
        "snapshot",
        marketing_consent=known.marketing_consent.cast("int64").cast("float64"),
        **{ATTRIBUTE + name: known[name].cast("string") for name in attributes},
    )
