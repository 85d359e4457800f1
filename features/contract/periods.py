"""Contract periods from what was known of them at one time after the other, in SQL for DuckDB."""

from features.contract.tables import CONTRACT

_CONTRACTS = CONTRACT["subscriptions"]
#: An event that is received within this time after the start of its contract announces it, and changes nothing.
ANNOUNCED = "INTERVAL 1 DAY"
#: The table of contracts without rows.
EMPTY = "SELECT " + ", ".join(f"NULL::{column.type} AS {column.name}" for column in _CONTRACTS.columns) + " WHERE false"


def with_changes(known: str, changes: str) -> str:
    """Return a query for contracts after events that came in since.

    Parameters
    ----------
    known
        A relation with rows of the table of contracts.
    changes
        A relation with rows of events, each later than what is known.
    """
    return f"""
        WITH base AS (
            SELECT *, struct_pack(a := customer_id, b := start_timestamp, c := coalesce(contract_id, '')) AS _key,
                list_append(coalesce(earlier_terms, []), {{
                    'until_timestamp': NULL::TIMESTAMPTZ, 'end_timestamp': end_timestamp, 'price': price
                }}) AS _terms
            FROM ({EMPTY} UNION ALL BY NAME SELECT * FROM {known})
        ),
        live AS (SELECT *, row_number() OVER (ORDER BY created_timestamp) AS _n FROM {changes}),
        changes AS (
            SELECT live.* EXCLUDE (_n), 1000000 + _n AS _place, live.created_timestamp AS _known, true AS _partial,
                coalesce(base._key, struct_pack(
                    a := live.customer_id, b := live.start_timestamp, c := coalesce(live.contract_id, ''))) AS _key
            FROM live LEFT JOIN base ON live.customer_id = base.customer_id
                AND live.start_timestamp = base.start_timestamp
                AND coalesce(live.contract_id = base.contract_id, true)
            WHERE base._key IS NULL OR live.created_timestamp > live.start_timestamp + {ANNOUNCED}
            QUALIFY row_number() OVER (PARTITION BY _n ORDER BY base.contract_id) = 1
        ),
        versions AS (
            SELECT * EXCLUDE (_terms, _i)
                REPLACE (_terms[_i].end_timestamp AS end_timestamp, _terms[_i].price AS price),
                CASE WHEN _i = 1 THEN created_timestamp ELSE _terms[_i - 1].until_timestamp END AS _known,
                _i AS _place, false AS _partial
            FROM (SELECT *, unnest(range(1, len(_terms) + 1)) AS _i FROM base)
            UNION ALL BY NAME FROM changes
        )
        FROM ({combined("versions")})
    """


def combined(versions: str) -> str:
    """Return a query for contracts, one row each, from the states that were known one after the other.

    A state that was known no earlier than a later one never counted.
    """
    values = {
        "end_timestamp": "_last.end_timestamp",
        "price": "_last.price",
        "end_known_timestamp": "CASE WHEN _last.end_timestamp IS NOT NULL THEN _since END",
        "earlier_terms": "CASE WHEN len(_terms) > 1 THEN _terms[1:-2] END",
    }
    fields = [column.name for column in _CONTRACTS.columns if column.name not in {*values, "created_timestamp"}]
    latest = ", ".join(
        f"arg_max({name}, _place) FILTER (NOT _partial OR {name} IS NOT NULL) AS {name}" for name in fields
    )
    columns = ", ".join(
        f"{values[column.name]} AS {column.name}" if column.name in values else column.name
        for column in _CONTRACTS.columns
    )
    return f"""
        WITH filled AS (
            SELECT * REPLACE (CASE WHEN _partial THEN coalesce(price, last_value(price IGNORE NULLS) OVER before)
                ELSE price END AS price)
            FROM {versions} WINDOW before AS (PARTITION BY _key ORDER BY _place)
        ),
        marked AS (
            SELECT *, row_number() OVER before > 1 AND price IS NOT DISTINCT FROM lag(price) OVER before
                AND end_timestamp IS NOT DISTINCT FROM lag(end_timestamp) OVER before AS _same
            FROM filled WINDOW before AS (PARTITION BY _key ORDER BY _place)
        ),
        states AS (
            SELECT _key, _place, _known, end_timestamp, price, min(_known) OVER (
                PARTITION BY _key ORDER BY _place ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS _until
            FROM marked WHERE NOT _same
        ),
        terms AS (
            SELECT _key, max(_known) AS _since, list({{
                'until_timestamp': _until, 'end_timestamp': end_timestamp, 'price': price
            }} ORDER BY _place) AS _terms
            FROM states WHERE _until IS NULL OR _known < _until GROUP BY _key
        ),
        contracts AS (
            SELECT _key, min(created_timestamp) AS created_timestamp, {latest} FROM {versions} GROUP BY _key
        )
        SELECT {columns} FROM (SELECT *, _terms[-1] AS _last FROM contracts JOIN terms USING (_key))
    """
