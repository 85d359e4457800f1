"""The few hundred products worth ranking for a customer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.arrays import Floats
from core.progress import batches
from training.next_product.candidates.inputs import ranker_inputs
from training.next_product.candidates.segments import Segments
from training.next_product.candidates.sources import Sources, top
from training.next_product.candidates.upgrades import Upgrades
from training.next_product.catalogue import Catalogue, Codes
from training.next_product.history import History

#: Own products by how lately, and by how often they were bought.
OWN, MOST_FREQUENT = 120, 60
POPULAR, BETTER, ARRIVALS = 60, 40, 10
FROM_SOURCES = {"als": 40, "similar": 40, "ease": 60, "rising": 150, "neighbours": 60}
#: Customers whose scores are held at once.
BLOCK = 64
_NONE: Codes = np.zeros(0, dtype="int64")


@dataclass(frozen=True)
class Candidates:
    """Candidates of one customer, in arrays aligned with each other.

    Attributes
    ----------
    codes
        Catalogue codes, each once.
    own
        Place of the product in the customer's history, -1 for one never bought.
    better
        Whether it is a step above the products that the customer usually buys.
    inputs
        Candidates x `FEATURES`.
    """

    codes: Codes
    own: Codes
    better: npt.NDArray[np.bool_]
    inputs: Floats


def find_candidates(
    histories: Sequence[History],
    sources: Sources,
    upgrades: Upgrades,
    segments: Segments | None = None,
    also: Codes = _NONE,
) -> Iterator[Candidates]:
    """Unite each customer's own products with those that sources, popularity, steps up and new arrivals suggest.

    Yields one per history, in their order.

    Parameters
    ----------
    segments
        The segments that differ between customers without purchases.
    also
        Codes that are candidates for every customer.
    """
    catalogue = upgrades.catalogue
    rises = sources.rises(catalogue)
    for block in batches(histories, BLOCK):
        scores, types = sources.scores(block), sources.types.scores(block, catalogue)
        for place, history in enumerate(block):
            of_customer = _Scores({name: values[place] for name, values in scores.items()}, rises)
            better = upgrades.better(history)
            suggested = _suggested(history, catalogue, of_customer, better)
            if segments is not None and history.cold:
                suggested.append(top(segments.scores(history), POPULAR))
            codes = np.unique(np.concatenate([*suggested, also]))
            own = _places(history, codes)
            inputs = ranker_inputs(history, upgrades, codes, own, of_customer.of(codes), types[place])
            yield Candidates(codes, own, np.isin(codes, better), inputs)


@dataclass(frozen=True)
class _Scores:
    """What sources say of every product for one customer, and how much products rise."""

    scores: Mapping[str, Floats]
    rises: Mapping[str, Floats]

    def of(self, codes: Codes) -> dict[str, Floats]:
        """Return the scores of some products, by source."""
        found = {name: values[codes] for name, values in self.scores.items()}
        return found | {name: found["ease"] * values[codes] for name, values in self.rises.items()}


def _suggested(history: History, catalogue: Catalogue, scores: _Scores, better: Codes) -> list[Codes]:
    is_new = np.ones(len(catalogue), dtype=bool)
    is_new[history.codes] = False
    new = catalogue.shelf[is_new[catalogue.shelf]]
    by_source = scores.of(new)
    return [
        history.codes[top(history.decayed, OWN)],
        history.codes[top(history.baskets, MOST_FREQUENT)],
        new[top(catalogue.popularity[new], POPULAR)],
        better[:BETTER],
        arrivals(history, catalogue)[:ARRIVALS],
        *(new[top(by_source[name], count)] for name, count in FROM_SOURCES.items()),
    ]


def arrivals(history: History, catalogue: Catalogue) -> Codes:
    """Return products too new to have a history, of types the customer buys, most bought type first.

    Of one type those of a brand the customer buys come first: content takes the place of purchases.
    """
    codes = np.flatnonzero(catalogue.arrivals & catalogue.types.known[catalogue.types.codes])
    by_type, by_brand = (
        catalogue.groups[name].sums(history.decayed, history.codes)[catalogue.groups[name].codes[codes]]
        for name in ("type", "brand")
    )
    order = np.lexsort((-by_brand, -by_type))
    return codes[order][by_type[order] > 0]


def _places(history: History, codes: Codes) -> Codes:
    order = np.argsort(history.codes)
    if not len(order):
        return np.full(len(codes), -1, dtype="int64")
    places = np.clip(np.searchsorted(history.codes, codes, sorter=order), 0, len(order) - 1)
    own = order[places]
    return np.where(history.codes[own] == codes, own, -1)
