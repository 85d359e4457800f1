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
    known = f"""
        SELECT *, bool_or(late) OVER (PARTITION BY {key}) AS disorderly
        FROM (
            SELECT *, (lag(moment) OVER own // {DAY} IS DISTINCT FROM moment // {DAY})::INT AS new_day,
                gone < {NEVER} OR known < coalesce(max(known) OVER before, known) AS late
            FROM (SELECT DISTINCT {key}, moment, known, gone FROM {facts})
            WINDOW own AS (PARTITION BY {key} ORDER BY moment, known),
                before AS (PARTITION BY {key} ORDER BY moment, known ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        )
    """
    columns = f"{key}, since, until, first, last, days"
    return f"""
        SELECT {columns}, (last // {DAY} - first // {DAY}) * {DAY} AS span
        FROM (
            WITH facts AS MATERIALIZED ({known})
            SELECT {columns} FROM ({_growing(key)}) UNION ALL SELECT {columns} FROM ({_changing(key)})
        )
        WHERE since < (SELECT stop FROM asked)
    """


def _growing(key: str) -> str:
    """Return the states of groups whose purchases became known in their order, and stay: nearly all, in one pass."""
    return f"""
        SELECT {key}, since, min(first) OVER upto AS first, max(last) OVER upto AS last, sum(days) OVER upto AS days,
            coalesce(lead(since) OVER (PARTITION BY {key} ORDER BY since), {NEVER}) AS until
        FROM (
            SELECT {key}, known AS since, min(moment) AS first, max(moment) AS last, sum(new_day) AS days
            FROM facts WHERE NOT disorderly GROUP BY {key}, known
        )
        WINDOW upto AS (PARTITION BY {key} ORDER BY since)
    """


def _changing(key: str) -> str:
    """Return the states of the other groups, each from all purchases that are known in it."""
    return f"""
        SELECT {key}, since, until, min(moment) AS first, max(moment) AS last, count(DISTINCT moment // {DAY}) AS days
        FROM (
            SELECT *, coalesce(lead(since) OVER (PARTITION BY {key} ORDER BY since), {NEVER}) AS until
            FROM (
                SELECT {key}, known AS since FROM facts WHERE disorderly
                UNION SELECT {key}, gone FROM facts WHERE disorderly AND gone < {NEVER}
            )
        ) JOIN (FROM facts WHERE disorderly) USING ({key})
        WHERE known <= since AND gone > since
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
