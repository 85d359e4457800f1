"""What a better tier is, and how large a step customers of one price habit have accepted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from core.arrays import Floats
from features.views.preference import PRIVATE
from training.next_product.catalogue import Catalogue, Codes
from training.next_product.history import History
from training.next_product.settings import UpsellSettings

#: A type is bought regularly from this many baskets in 182 days, the last within 56.
REGULAR_BASKETS, REGULAR_WITHIN = 3, 56.0
#: Three in four steps that were accepted are no larger than the one that counts as accepted.
ACCEPTED = 0.75
#: A package of a better tier holds between half and twice what the customer usually takes home.
SMALLEST, LARGEST = 0.5, 2.0
_BANDS = 3


@dataclass(frozen=True)
class PriceHabits:
    """Price levels of customers, in three groups of equal size, and the steps up that each group has accepted.

    Attributes
    ----------
    typical
        Per type the median over customers of what they usually pay for a unit; NaN where no customer is known to.
    bounds
        What separates the groups: mean log of usual over typical price, over the types of a customer.
    accepted
        Per group the step up, over the usual price in a type, that counts as accepted.
    """

    typical: Floats
    bounds: Floats
    accepted: Floats

    def group(self, history: History) -> int:
        """Return 0 for customers who buy cheap products, 1 for the middle, 2 for those who buy expensive ones."""
        level = _level(history, self.typical)
        return 1 if np.isnan(level) else int(np.searchsorted(self.bounds, level))

    def step(self, history: History) -> float:
        """Return the largest step up that customers like this one have accepted."""
        return float(self.accepted[self.group(history)])


def fit_price_habits(histories: Sequence[History], catalogue: Catalogue, settings: UpsellSettings) -> PriceHabits:
    """Group customers by price level, and measure the steps up among the purchases of each group."""
    codes = np.concatenate([history.types.codes for history in histories])
    prices = np.concatenate([history.types.price for history in histories])
    typical = _medians(codes, prices, len(catalogue.types))
    levels = np.array([_level(history, typical) for history in histories])
    known = levels[np.isfinite(levels)]
    bounds = np.quantile(known, [1 / _BANDS, 2 / _BANDS]) if len(known) else np.zeros(_BANDS - 1)
    habits = PriceHabits(typical, bounds, np.full(_BANDS, settings.max_step))
    steps: list[list[Floats]] = [[] for _ in range(_BANDS)]
    for history in histories:
        own = (
            catalogue.unit_prices[history.codes]
            / usual_prices(history, catalogue)[catalogue.types.codes[history.codes]]
        )
        steps[habits.group(history)].append(own[own >= settings.min_step])
    pooled = [np.concatenate(part) if part else np.zeros(0) for part in steps]
    accepted = [np.quantile(part, ACCEPTED) if len(part) else settings.min_step for part in pooled]
    return PriceHabits(typical, bounds, np.minimum(accepted, settings.max_step))


def usual_prices(history: History, catalogue: Catalogue) -> Floats:
    """Return per type what the customer usually pays for a unit; NaN where the type is not bought regularly."""
    usual = np.full(len(catalogue.types), np.nan)
    regular = regular_types(history)
    usual[history.types.codes[regular]] = history.types.price[regular]
    return usual


def regular_types(history: History) -> Codes:
    """Return the places in `history.types` of the types the customer buys regularly."""
    types = history.types
    return np.flatnonzero((types.baskets >= REGULAR_BASKETS) & (types.days_since <= REGULAR_WITHIN))


@dataclass(frozen=True)
class Upgrades:
    """Finds products of a better tier by the configured rule."""

    catalogue: Catalogue
    settings: UpsellSettings
    habits: PriceHabits

    def better(self, history: History) -> Codes:
        """Return products a step above what the customer usually buys, bought before or not, most popular first.

        The type is one bought regularly, but for the last rule. By `rule` a product is better that costs at least
        `min_step` times as much per unit (`unit_price`), has a higher brand tier (`brand_tier`), lies in a higher
        third of its type's unit prices (`price_band`) than what the customer buys most, or is named for something
        they bought in the last 56 days (`upgrades`). But for the last, no step is larger than customers of that price
        habit have accepted, no package is less than half or more than twice the usual one, and none leads from another
        brand to a private one.
        """
        if self.settings.rule == "upgrades":
            codes = self._listed(history)
        else:
            codes = self.catalogue.types.members(history.types.codes[regular_types(history)])
            steps = self.steps(history, codes)
            is_above = (
                steps >= self.settings.min_step if self.settings.rule == "unit_price" else self._higher(history, codes)
            )
            accepted = ~(steps > self.habits.step(history))
            same = self._same_amount(history, codes) & self._no_lower_brand(history, codes)
            codes = codes[is_above & accepted & same]
        return codes[np.argsort(-self.catalogue.popularity[codes], kind="stable")]

    def steps(self, history: History, codes: Codes) -> Floats:
        """Return products' unit prices over what the customer usually pays in their types, NaN where unknown."""
        return (
            self.catalogue.unit_prices[codes] / usual_prices(history, self.catalogue)[self.catalogue.types.codes[codes]]
        )

    def _higher(self, history: History, codes: Codes) -> npt.NDArray[np.bool_]:
        types, levels = self.catalogue.types.codes, self._levels
        own = history.codes[levels[history.codes] >= 0]
        weights = history.decayed[levels[history.codes] >= 0]
        sums = np.zeros((len(self.catalogue.types), int(levels.max(initial=0)) + 1))
        np.add.at(sums, (types[own], levels[own]), weights)
        usual = np.where(sums.sum(axis=1) > 0, sums.argmax(axis=1), sums.shape[1])
        return np.asarray(levels[codes] > usual[types[codes]])

    def _listed(self, history: History) -> Codes:
        recent = history.codes[history.days_since <= REGULAR_WITHIN]
        ids = [other for code in recent for other in self.settings.upgrades.get(str(self.catalogue.ids[code]), ())]
        codes = np.unique(self.catalogue.codes(ids)) if ids else np.zeros(0, dtype="int64")
        return codes[(codes >= 0) & ~np.isin(codes, recent)]

    @cached_property
    def _levels(self) -> Codes:
        """Per product the place of its brand tier in the order, or its third of the type's prices; -1 if unknown."""
        if self.settings.rule == "brand_tier":
            places = {tier: place for place, tier in enumerate(self.settings.brand_tiers)}
            return np.array([places.get(str(tier), -1) for tier in self.catalogue.texts["tier"]], dtype="int64")
        prices, types = self.catalogue.unit_prices, self.catalogue.types.codes
        order = np.lexsort((prices, types))
        order = order[np.isfinite(prices[order])]
        counts = np.bincount(types[order], minlength=len(self.catalogue.types))
        place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        levels = np.full(len(prices), -1, dtype="int64")
        levels[order] = place * _BANDS // np.repeat(counts, counts)
        return levels

    @cached_property
    def _private(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.catalogue.texts["tier"] == PRIVATE)

    def _same_amount(self, history: History, codes: Codes) -> npt.NDArray[np.bool_]:
        usual = usual_amounts(history, self.catalogue)[self.catalogue.types.codes[codes]]
        share = self.catalogue.contents[codes] / usual
        return np.asarray((share >= SMALLEST) & (share <= LARGEST))

    def _no_lower_brand(self, history: History, codes: Codes) -> npt.NDArray[np.bool_]:
        types, private = self.catalogue.types.codes, self._private
        branded = np.zeros(len(self.catalogue.types), dtype=bool)
        branded[types[history.codes[~private[history.codes]]]] = True
        return np.asarray(~private[codes] | ~branded[types[codes]])


def usual_amounts(history: History, catalogue: Catalogue) -> Floats:
    """Return per type how much the packages hold that the customer takes home, the geometric mean; NaN if unknown."""
    logs = np.log(catalogue.contents[history.codes])
    known = np.isfinite(logs)
    codes, weights = history.codes[known], history.decayed[known]
    with np.errstate(divide="ignore", invalid="ignore"):
        means = catalogue.types.sums(weights * logs[known], codes) / catalogue.types.sums(weights, codes)
    return np.asarray(np.exp(means))


def _level(history: History, typical: Floats) -> float:
    logs = np.log(history.types.price / typical[history.types.codes])
    known = np.isfinite(logs)
    weights = history.types.baskets[known]
    return float((logs[known] * weights).sum() / weights.sum()) if known.any() else np.nan


def _medians(groups: Codes, values: Floats, count: int) -> Floats:
    """Return the median of finite values by group, NaN for a group without."""
    groups, values = groups[np.isfinite(values)], values[np.isfinite(values)]
    order = np.lexsort((values, groups))
    sizes = np.bincount(groups, minlength=count)
    starts = np.cumsum(sizes) - sizes
    medians = np.full(count, np.nan)
    filled = sizes > 0
    low, high = (starts + (sizes - 1) // 2)[filled], (starts + sizes // 2)[filled]
    medians[filled] = (values[order][low] + values[order][high]) / 2
    return medians
