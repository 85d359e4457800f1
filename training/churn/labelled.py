"""Churn as the business labels it: who is scored, and who of them churned."""

import ibis
import ibis.expr.types as ir

from core.errors import ConfigError
from core.settings import Settings
from features.engine.duckdb import Sources
from features.ingest.settings import DataSettings
from features.settings import CustomerSettings
from features.spans.visible import visible


def on_file(sources: Sources, snapshots: ir.Table) -> ir.Table:
    """Return one row per snapshot and customer who is known at it, and whose churn can be asked about.

    Those are the customers of the table of customers who did not sign up at or after the snapshot, and those of events
    before it, with a label or without one.
    """
    pairs = sources.customers.cross_join(snapshots)
    signed_up = pairs.filter(pairs.signup_timestamp.isnull() | (pairs.signup_timestamp < pairs.snapshot))
    contracts = sources.subscriptions.mutate(event_timestamp=sources.subscriptions.start_timestamp)
    events = (visible(table, snapshots) for table in (sources.transactions, sources.interactions, contracts))
    known = [table.select("customer_id", "snapshot") for table in (signed_up, *events)]
    return ibis.union(*known, distinct=True)


def given_labels(sources: Sources, snapshots: ir.Table) -> ir.Table:
    """Return the business's own labels of the customers who are known at each snapshot.

    Where any label has a snapshot, those without one are left out. Where none has, all are of the one snapshot.

    Returns
    -------
    One row per label of a known customer: `customer_id`, `snapshot`, `churned` (0 or 1).
    """
    if sources.labels is None:
        raise ValueError("expected sources with labels")
    labels = sources.labels
    dated = labels.snapshot.notnull().any().over(ibis.window())
    marked = labels.mutate(dated=dated)
    moments = marked.filter(marked.dated & marked.snapshot.notnull()).select("customer_id", "snapshot", "churned")
    undated = marked.filter(~marked.dated).select("customer_id", "churned").cross_join(snapshots)
    every = ibis.union(moments, undated.select("customer_id", "snapshot", "churned"))
    known = every.inner_join(on_file(sources, snapshots), ["customer_id", "snapshot"])
    return known.select("customer_id", "snapshot", churned=known.churned.cast("int64"))


def check_not_the_label(settings: Settings) -> None:
    """Refuse an attribute that the label itself is made of.

    Raises
    ------
    ConfigError
        If `customers.model_attributes` names a column that the mapping of `labels.churned` reads.
    """
    mapped = [
        item.columns.get("churned", "churned") for item in settings[DataSettings].inputs if item.table == "labels"
    ]
    for name in settings[CustomerSettings].model_attributes:
        if any(_reads(expression, name) for expression in mapped):
            raise ConfigError(
                f"customers.model_attributes names {name!r}, and labels.churned is made of it: the label cannot be an "
                "input.",
                "Move it to customers.excluded_attributes.",
            )


def _reads(expression: str, name: str) -> bool:
    """Return whether an expression is a column, or names it in quotes."""
    return expression.lower() == name.lower() or f'"{name.lower()}"' in expression.lower()
