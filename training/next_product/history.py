"""What one customer bought, in the catalogue's codes. Read from Feast, offline or online, by the same code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.arrays import Floats
from features.views.profile import ATTRIBUTE
from features.views.purchases import HALF_LIFE_DAYS
from training.next_product.catalogue import Catalogue, Codes

DAY = 86_400.0
#: Scalars of the customer that the ranker reads.
CUSTOMER_FEATURES = ("baskets_28d", "baskets_84d", "recency_days")


@dataclass(frozen=True)
class TypeHistory:
    """What a customer bought of each product type in the last 182 days, in aligned arrays.

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
        Catalogue codes of the products bought; what is not in the catalogue is left out.
    decayed
        Baskets, one of an age of 42 days weighing a half.
    cycle
        Mean days between the customer's baskets with the product; NaN after one basket only.
    days_since
        Days since the last basket with it.
    customer
        The scalars of `CUSTOMER_FEATURES`.
    attributes
        The configured attributes that are known of the customer.
    consent
        Whether the customer agreed to marketing; None where nobody asked.
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
        The moment the features were computed for; what decays has decayed since.
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
        known[keep],
        baskets,
        aged,
        cycle,
        (moment - last) / DAY,
        _read_types(values, catalogue, moment),
        np.array([_float(values.get("baskets_28d")), _float(values.get("baskets_84d")), recency]),
        {name.removeprefix(ATTRIBUTE): value for name, value in values.items() if _is_attribute(name, value)},
        None if np.isnan(consent := _float(values.get("marketing_consent"))) else bool(consent),
    )


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
