"""Currencies: amounts of several are never added up."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from core.errors import DataError
from features.contract.tables import TableName
from features.ingest.segments import Segment

#: What columns of currencies are called, in lower case without signs between the words.
_NAMES = {
    "currency",
    "currencycode",
    "ordercurrency",
    "currencyiso",
    "iso4217",
    "waehrung",
    "währung",
    "devise",
    "moneda",
    "valuta",
    "divisa",
    "币种",
    "货币",
}
#: Codes of ISO 4217 that shops sell in.
CODES = frozenset(
    {
        *("AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP"),
        *("HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "KWD", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD"),
        *("PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH"),
        *("USD", "UYU", "VND", "ZAR"),
    }
)
#: Codes of signs that only one currency has.
_CODES = {"€": "EUR", "£": "GBP", "₩": "KRW", "₹": "INR", "元": "CNY", "￥": "¥"}
#: Codes of the currencies that share a sign.
_SHARED = {
    "$": {"USD", "AUD", "CAD", "HKD", "MXN", "NZD", "SGD", "TWD"},
    "¥": {"CNY", "JPY"},
}


def is_currency(name: str) -> bool:
    """Return whether a column is called as columns of currencies are."""
    return re.sub(r"[\W_]+", "", name.lower()) in _NAMES


def in_codes(counts: Mapping[str, int]) -> dict[str, int]:
    """Return how many rows are in each currency, the most frequent first; signs and codes of one currency are one."""
    rows: Counter[str] = Counter()
    for name, count in counts.items():
        rows[_CODES.get(name, name)] += count
    for sign, codes in _SHARED.items():
        same = sorted(codes & rows.keys())
        if sign in rows and len(same) == 1:
            rows[same[0]] += rows.pop(sign)
    return dict(rows.most_common())


def check_currencies(segments: Sequence[Segment]) -> None:
    """Refuse a table whose money is in several currencies.

    Raises
    ------
    DataError
        With the rows of each.
    """
    tables: dict[TableName, list[Segment]] = {}
    for segment in segments:
        tables.setdefault(segment.table, []).append(segment)
    for name, own in tables.items():
        counts: Counter[str] = Counter()
        for segment in own:
            counts.update(segment.currencies)
        rows = in_codes(counts)
        if len(rows) > 1:
            listed = ", ".join(f"{code} ({count:,} rows)" for code, count in rows.items())
            inputs = ", ".join(sorted({segment.input for segment in own if segment.currencies}))
            first = next(iter(rows))
            raise DataError(
                f"{inputs}: expected the money of {name} in one currency, found {listed}; amounts of several are never "
                "added up.",
                "Keep one and leave the others out in [data.inputs.skip], such as "
                f"other_currency = \"Currency <> '{first}'\" for a column Currency, or "
                f"\"currency(amount) <> '{first}'\" for a sign beside the amount; or convert them in the mapping.",
            )
