"""The facts behind an offer: the reason is written from them, and they can be counted again in the raw order lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from core.arrays import Floats
from training.next_product.candidates.segments import Segments
from training.next_product.candidates.sources import Sources
from training.next_product.candidates.upgrades import REGULAR_BASKETS, regular_types, usual_amounts, usual_prices
from training.next_product.catalogue import Catalogue, Codes
from training.next_product.history import History

#: What the offer rests on.
Path = Literal[
    "own_cycle",
    "own_habit",
    "better",
    "larger_pack",
    "basket",
    "together",
    "similar",
    "popular_with_type",
    "popular_alike",
    "popular",
    "arrival",
    "pinned",
]
#: Due again from one cycle on, and no longer after this many.
LATEST_CYCLES = 3
#: Below this, "customers who buy A buy this more often" says nothing; with fewer of them, it may be chance.
MIN_LIFT, MIN_TOGETHER = 1.2, 5
#: A larger pack holds at least 1.25 times the usual amount, at a unit price at least 5 % lower.
LARGER, CHEAPER = 1.25, 0.05


@dataclass(frozen=True)
class Evidence:
    """The facts behind an offer; only those of its path are set.

    Attributes
    ----------
    baskets, cycle_days, days_since
        The customer's baskets with the product (`better`, `larger_pack`, `arrival`: with its type), the days between
        them, and since the last.
    cycle_is_own
        Whether the cycle is the customer's, or the product's typical one.
    anchor_id, anchor_name, second_id, second_name
        Products the customer bought or has in the basket.
    anchor_type
        A type the customer buys regularly.
    together, lift, customers
        How many customers bought the anchors and the product, how much more often than by chance, and of how many
        customers that was counted: all who bought anything that can be offered, or a sample of them.
    price, usual_price, unit
        Regular price of the product for one unit, the customer's median in its type, and the unit.
    saving
        Share by which a larger pack is cheaper per unit.
    baskets_28d
        Baskets of all customers with the product in the last 28 days.
    attribute, value, buyers, of
        A segment; of its customers who bought anything within the 28 days before the model was made, how many bought
        the product, and how many there are.
    campaign
        The campaign of the rules file.
    """

    path: Path
    baskets: int | None = None
    cycle_days: float | None = None
    days_since: float | None = None
    cycle_is_own: bool | None = None
    anchor_id: str | None = None
    anchor_name: str | None = None
    second_id: str | None = None
    second_name: str | None = None
    anchor_type: str | None = None
    together: int | None = None
    lift: float | None = None
    customers: int | None = None
    price: float | None = None
    usual_price: float | None = None
    unit: str | None = None
    saving: float | None = None
    baskets_28d: int | None = None
    attribute: str | None = None
    value: str | None = None
    buyers: int | None = None
    of: int | None = None
    campaign: str | None = None


def cycles(history: History, catalogue: Catalogue) -> Floats:
    """Return the days between baskets with each product of a history: the customer's from three on, else usual ones."""
    usual = catalogue.statistics["product_cycle_days"][history.codes]
    return np.where(_knows_cycle(history), history.cycle, usual)


def due(history: History, catalogue: Catalogue) -> npt.NDArray[np.bool_]:
    """Tell which products of a history are due: one to three cycles after the last time; not where none is known.

    Who is several cycles late has stopped buying it.
    """
    cycle = cycles(history, catalogue)
    since = history.days_since
    return np.asarray((cycle > 0) & (cycle <= since) & (since <= LATEST_CYCLES * cycle))


def most_regular_due(
    history: History, catalogue: Catalogue, allowed: npt.NDArray[np.bool_], most_cycles: float = 2.0
) -> int | None:
    """Return the place in a history of the product that a customer bought most often of those due by their own cycle.

    Parameters
    ----------
    allowed
        By code of the product, whether it may be offered.
    most_cycles
        A customer who is later than this number of cycles may have stopped buying it.
    """
    fits = due(history, catalogue) & _knows_cycle(history) & allowed[history.codes]
    fits &= history.days_since <= most_cycles * history.cycle
    places = np.flatnonzero(fits)
    return int(places[np.argmax(history.baskets[places])]) if len(places) else None


def _knows_cycle(history: History) -> npt.NDArray[np.bool_]:
    return np.asarray((history.baskets >= REGULAR_BASKETS) & (history.cycle > 0))


@dataclass(frozen=True)
class Facts:
    """Looks up the evidence for products, in what the model holds."""

    catalogue: Catalogue
    sources: Sources
    segments: Segments

    def own(self, history: History, own: int) -> Evidence:
        """Return the customer's own cycle where the product is due, else their habit.

        Parameters
        ----------
        own
            Place of the product in the history.
        """
        cycle = float(cycles(history, self.catalogue)[own])
        return Evidence(
            "own_cycle" if due(history, self.catalogue)[own] else "own_habit",
            baskets=int(history.baskets[own]),
            cycle_days=cycle if np.isfinite(cycle) else None,
            days_since=float(history.days_since[own]),
            cycle_is_own=bool(_knows_cycle(history)[own]),
        )

    def better(self, history: History, code: int) -> Evidence:
        """Return how much more expensive a better tier is, where both prices are known."""
        usual = float(usual_prices(history, self.catalogue)[self.catalogue.types.codes[code]])
        known = np.isfinite(usual) and np.isfinite(self.catalogue.unit_prices[code])
        return Evidence(
            "better",
            baskets=self._baskets_with_type(history, code),
            price=float(self.catalogue.unit_prices[code]) if known else None,
            usual_price=usual if known else None,
            unit=str(self.catalogue.texts["unit"][code]) if known else None,
        )

    def new(self, history: History, code: int) -> Evidence:
        """Return why a product never bought may fit: the strongest of the facts that hold."""
        if self.catalogue.arrivals[code]:
            return Evidence("arrival", baskets=self._baskets_with_type(history, code))
        return (
            self._larger_pack(history, code)
            or self._together(history, code)
            or self._with_type(history, code)
            or self._alike(history, code)
            or Evidence("popular", baskets_28d=int(self.catalogue.popularity[code]))
        )

    def basket(self, basket: Codes, code: int) -> Evidence | None:
        """Return the product of a basket that this one goes with best, if one does."""
        counted = [(anchor, *self._count((anchor,), code)) for anchor in basket.tolist()]
        strong = [one for one in counted if one[1] >= MIN_TOGETHER and one[2] >= MIN_LIFT]
        if not strong:
            return None
        anchor, both, lift = max(strong, key=lambda one: one[2])
        return self._anchored("basket", (anchor,), both, lift)

    def _baskets_with_type(self, history: History, code: int) -> int | None:
        place = np.flatnonzero(history.types.codes == self.catalogue.types.codes[code])
        return int(history.types.baskets[place[0]]) if len(place) else None

    def _larger_pack(self, history: History, code: int) -> Evidence | None:
        kind = self.catalogue.types.codes[code]
        usual = usual_prices(history, self.catalogue)[kind]
        price, contents = self.catalogue.unit_prices[code], self.catalogue.contents[code]
        saving = 1 - price / usual
        if not (saving >= CHEAPER and contents >= LARGER * usual_amounts(history, self.catalogue)[kind]):
            return None  # also where something is not known
        return Evidence(
            "larger_pack",
            baskets=self._baskets_with_type(history, code),
            price=float(price),
            usual_price=float(usual),
            unit=str(self.catalogue.texts["unit"][code]),
            saving=float(saving),
        )

    def _together(self, history: History, code: int) -> Evidence | None:
        similar = self.sources.similar[history.codes, code].toarray().ravel() * np.log1p(history.decayed)
        anchors = history.codes[np.argsort(-similar, kind="stable")[: int((similar > 0).sum())][:2]].tolist()
        for products in (tuple(anchors), tuple(anchors[:1])):
            both, lift = self._count(products, code) if products else (0, 0.0)
            if both >= MIN_TOGETHER and lift >= MIN_LIFT:
                return self._anchored("together" if len(products) > 1 else "similar", products, both, lift)
        return None

    def _with_type(self, history: History, code: int) -> Evidence | None:
        regular = history.types.codes[regular_types(history)]
        regular = regular[regular != self.catalogue.types.codes[code]]
        rows = self._buyers(code)
        if not len(regular) or not len(rows):
            return None
        customers = self.sources.reference.ever.shape[0]
        both = np.asarray(self._types[rows][:, regular].sum(axis=0)).ravel()
        lift = both * customers / (len(rows) * np.maximum(self._type_buyers[regular], 1))
        lift[both < MIN_TOGETHER] = 0.0
        best = int(np.argmax(lift))
        if lift[best] < MIN_LIFT:
            return None
        return Evidence(
            "popular_with_type",
            anchor_type=str(self.catalogue.types.names[regular[best]]),
            together=int(both[best]),
            lift=float(lift[best]),
            customers=customers,
        )

    def _alike(self, history: History, code: int) -> Evidence | None:
        places = self.segments.of(history)
        if not history.cold or not places:
            return None
        shares = self.segments.buyers[places, code] / self.segments.sizes[places]
        best = places[int(np.argmax(shares))]
        name, value = self.segments.names[best]
        buyers = int(self.segments.buyers[best, code])
        if not buyers:
            return None
        return Evidence("popular_alike", attribute=name, value=value, buyers=buyers, of=int(self.segments.sizes[best]))

    def _anchored(self, path: Path, anchors: Sequence[int], both: int, lift: float) -> Evidence:
        named = [(str(self.catalogue.ids[code]), self.catalogue.label(code)) for code in anchors]
        second = named[1] if len(named) > 1 else (None, None)
        customers = self.sources.reference.ever.shape[0]
        return Evidence(
            path,
            anchor_id=named[0][0],
            anchor_name=named[0][1],
            second_id=second[0],
            second_name=second[1],
            together=both,
            lift=lift,
            customers=customers,
        )

    def _count(self, anchors: Sequence[int], code: int) -> tuple[int, float]:
        """Return how many customers bought the anchors and the product, and how much more often than by chance."""
        who = self._buyers(anchors[0])
        for anchor in anchors[1:]:
            who = np.intersect1d(who, self._buyers(anchor), assume_unique=True)
        buyers = self._buyers(code)
        both = len(np.intersect1d(who, buyers, assume_unique=True))
        chance = len(who) * len(buyers) / self.sources.reference.ever.shape[0]
        return both, both / chance if chance else 0.0

    def _buyers(self, code: int) -> Codes:
        columns = self._by_product
        return np.asarray(columns.indices[columns.indptr[code] : columns.indptr[code + 1]], dtype="int64")

    @cached_property
    def _by_product(self) -> sparse.csc_matrix:
        columns = self.sources.reference.ever.tocsc()
        columns.sort_indices()
        return columns

    @cached_property
    def _types(self) -> sparse.csr_matrix:
        """Customers x types: 1 where the customer bought any product of it."""
        groups = self.catalogue.types
        belongs = sparse.csr_matrix(
            (np.ones(len(groups.codes)), groups.codes, np.arange(len(groups.codes) + 1)),
            shape=(len(groups.codes), len(groups)),
        )
        return sparse.csr_matrix((self.sources.reference.ever @ belongs) > 0)

    @cached_property
    def _type_buyers(self) -> Floats:
        return np.asarray(self._types.sum(axis=0), dtype="float64").ravel()
