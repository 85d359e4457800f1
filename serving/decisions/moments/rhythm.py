"""Conditions on purchases that time brings, such as a customer who is overdue by the own rhythm."""

from collections.abc import Sequence

from serving.decisions.moments.kind import DAY, NEVER


def states(own: Sequence[str], facts: str) -> str:
    """Return a query for what was known of purchases, and from when until when that was so.

    Parameters
    ----------
    own
        Columns that purchases are grouped by, the customer among them.
    facts
        A relation with these columns, `moment`, `known` and `gone`.

    Returns
    -------
    Per group and span [since, until) over which the known purchases stay the same: `first` and `last`, moments of the
    first and the last one; `days`, the days with a purchase, and `span`, the microseconds from the first to the last of
    them.
    """
    key = ", ".join(own)
    return f"""
        SELECT {key}, since, until, min(moment) AS first, max(moment) AS last,
            count(DISTINCT moment // {DAY}) AS days, (max(moment) // {DAY} - min(moment) // {DAY}) * {DAY} AS span
        FROM (
            SELECT *, coalesce(lead(since) OVER (PARTITION BY {key} ORDER BY since), {NEVER}) AS until
            FROM (
                SELECT {key}, known AS since FROM {facts}
                UNION SELECT {key}, gone FROM {facts} WHERE gone < {NEVER}
            )
        ) AS changes JOIN (SELECT DISTINCT {key}, moment, known, gone FROM {facts}) AS facts USING ({key})
        WHERE known <= since AND gone > since AND since < (SELECT stop FROM asked)
        GROUP BY ALL
    """


def first_due(own: Sequence[str], facts: str, cause: str, due: str, condition: str = "true") -> str:
    """Return a query for the first instant of each cause at which something was due by what was known then.

    Parameters
    ----------
    cause
        Columns of `states` that name it together with the group.
    due
        When it is due, an expression over the columns of `states`.
    condition
        Of states in which anything can be due.
    """
    at = f"greatest(since, {due})"
    return (
        f"SELECT customer_id, min({at}) AS fires FROM ({states(own, facts)}) "
        f"WHERE ({condition}) AND {at} < until GROUP BY {', '.join([*own, cause])}"
    )


def usual_gap(times: float = 1.0) -> str:
    """Return the expression of some times the mean gap between days with a purchase, in microseconds."""
    return f"floor({times!r}::DOUBLE * span / (days - 1))::BIGINT"
