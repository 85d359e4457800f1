"""Purchases of one customer, in the catalogue's codes; read from Feast, offline or online, by the same code."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from core.arrays import Floats
from features.spans.purchases import HALF_LIFE_DAYS
from features.views.profile import ATTRIBUTE
from training.next_product.catalogue import Catalogue, Codes

DAY = 86_400.0
#: Scalars of the customer that the ranker reads.
CUSTOMER_FEATURES = ("baskets_28d", "baskets_84d", "recency_days")


@dataclass(frozen=True)
class TypeHistory:
    """Purchases of each product type in the last 182 days, in aligned arrays.

    `price` is the median regular price for one unit of the type's usual measure, NaN where none was bought in it.
    """

    codes: Codes
    baskets: Floats
    days_since: Floats
    price: Floats


@dataclass(frozen=True)
class History:
    """One customer at one moment, in arrays aligned with each other.

    Attributes
    ----------
    codes
        Catalogue codes of the products bought; products outside the catalogue are left out.
    decayed
        Baskets, one of an age of 42 days weighing a half.
    cycle
        Mean days between the customer's baskets with the product; NaN after one basket only.
    days_since
        Days since the last basket with it.
    customer
        The scalars of `CUSTOMER_FEATURES`.
    attributes
        The customer's values of the configured attributes.
    consent
        Whether the customer agreed to marketing; None where it is unknown.
    """

    codes: Codes
    baskets: Floats
    decayed: Floats
    cycle: Floats
    days_since: Floats
    types: TypeHistory
    customer: Floats
    attributes: Mapping[str, str]
    consent: bool | None

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def cold(self) -> bool:
        """Whether nothing was bought before this moment; there may be a basket."""
        return not (self.days_since > 0).any()

    @property
    def recency_days(self) -> float:
        """Days since the last purchase of anything; NaN where there is none."""
        return float(self.customer[CUSTOMER_FEATURES.index("recency_days")])


def read_history(values: Mapping[str, Any], catalogue: Catalogue, moment: float, snapshot: float) -> History:
    """Read the features of one customer.

    Parameters
    ----------
    values
        The features of `next_product_v1` for a customer, `last_purchase` in seconds; None or NaN where there is none.
    moment
        The moment to be at, in seconds since 1970.
    snapshot
        The moment the features were computed for; decayed counts have decayed since.
    """
    known = catalogue.codes(_texts(values.get("history_products")))
    keep = known >= 0
    baskets, decayed, first, last = (
        _floats(values.get(f"history_{name}"))[keep] for name in ("baskets", "decayed", "first", "last")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        cycle = np.where(baskets > 1, (last - first) / DAY / (baskets - 1), np.nan)
    aged = decayed * 0.5 ** ((moment - snapshot) / DAY / HALF_LIFE_DAYS)
    recency = (moment - _float(values.get("last_purchase"))) / DAY
    return History(
        codes=known[keep],
        baskets=baskets,
        decayed=aged,
        cycle=cycle,
        days_since=(moment - last) / DAY,
        types=_read_types(values, catalogue, moment),
        customer=np.array([_float(values.get("baskets_28d")), _float(values.get("baskets_84d")), recency]),
        attributes={
            name.removeprefix(ATTRIBUTE): value for name, value in values.items() if _is_attribute(name, value)
        },
        consent=None if np.isnan(consent := _float(values.get("marketing_consent"))) else bool(consent),
    )


def stacked(histories: Sequence[History], products: int, weight: Callable[[History], Floats]) -> sparse.csr_matrix:
    """Return customers x products, with the weight of each product bought."""
    starts = np.cumsum([0, *(len(history) for history in histories)])
    codes = np.concatenate([history.codes for history in histories])
    weights = np.concatenate([weight(history) for history in histories]).astype("float32")
    return sparse.csr_matrix((weights, codes, starts), shape=(len(histories), products))


def summed(rows: sparse.csr_matrix, matrix: sparse.csr_matrix) -> Floats:
    """Return rows @ matrix, dense: for each row a few rows of the matrix, weighted and added up.

    For one row that is two to three times as fast as scipy's product, which lists the columns of the result first.
    """
    sums = np.empty((rows.shape[0], matrix.shape[1]), dtype=matrix.dtype)
    for place, (start, end) in enumerate(zip(rows.indptr, rows.indptr[1:], strict=False)):
        sums[place] = matrix[rows.indices[start:end]].T @ rows.data[start:end]
    return sums


def _is_attribute(name: str, value: object) -> bool:
    return name.startswith(ATTRIBUTE) and isinstance(value, str)


def _read_types(values: Mapping[str, Any], catalogue: Catalogue, moment: float) -> TypeHistory:
    names = _texts(values.get("types_names"))
    if not names:
        nothing = np.zeros(0)
        return TypeHistory(np.zeros(0, dtype="int64"), nothing, nothing, nothing)
    places = catalogue.types.places(names)
    keep = places >= 0
    baskets, last, price = (_floats(values.get(f"types_{name}"))[keep] for name in ("baskets", "last", "price"))
    return TypeHistory(places[keep], baskets, (moment - last) / DAY, price)


def _texts(values: Sequence[str] | None) -> list[str]:
    return [] if values is None or isinstance(values, float) else list(values)


def _floats(values: Sequence[float] | None) -> Floats:
    return np.asarray([] if values is None or isinstance(values, float) else values, dtype="float64")


def _float(value: float | None) -> float:
    return np.nan if value is None else float(value)
