"""A backtest: the model at a past test snapshot, beside what customers bought afterwards."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from training.evaluation.lists import Items, K, Relevant
from training.next_product.dataset import Dataset
from training.next_product.history import History
from training.next_product.model import NextProductModel, Ranked
from training.next_product.offers.policy import Policy
from training.next_product.offers.rules import Kind, Rules
from training.next_product.offers.selection import Chosen, Request, choose


@dataclass(frozen=True)
class Backtest:
    """A model with its sources fitted at a past snapshot, the active customers then, and their purchases after it."""

    model: NextProductModel
    dataset: Dataset

    @property
    def date(self) -> str:
        """The date of the snapshot."""
        return f"{self.dataset.snapshot:%Y-%m-%d}"

    @cached_property
    def histories(self) -> list[History]:
        """The history of each active customer by the snapshot."""
        return [self.dataset.histories[place] for place in self.dataset.active]

    @cached_property
    def bought(self) -> list[Relevant]:
        """The products that each bought in the label window; none for some."""
        relevant = []
        for ids in self.dataset.bought:
            codes = self.model.catalogue.codes(sorted(ids)) if ids else np.zeros(0, dtype="int64")
            relevant.append(Relevant(frozenset(codes[codes >= 0].tolist()), len(ids)))
        return relevant

    @cached_property
    def items(self) -> Items:
        """The products that could be listed."""
        return Items(len(self.model.catalogue), frozenset(self.model.catalogue.head.tolist()))

    @cached_property
    def ranked(self) -> list[Ranked]:
        """The candidates of each, best first."""
        return list(self.model.rank(self.histories))

    @cached_property
    def candidate_recall(self) -> dict[str, float]:
        """Share of what was bought, and of what was bought for the first time, that is among the candidates."""
        hits, new_hits, counts, new_counts = 0, 0, 0, 0
        for history, bought, ranked in zip(self.histories, self.bought, self.ranked, strict=True):
            reached = bought.codes & frozenset(ranked.codes.tolist())
            own = frozenset(history.codes.tolist())
            hits, new_hits = hits + len(reached), new_hits + len(reached - own)
            counts, new_counts = counts + bought.count, new_counts + bought.count - len(bought.codes & own)
        return {"all": hits / max(counts, 1), "new_product": new_hits / max(new_counts, 1)}

    @cached_property
    def best_mix(self) -> list[list[Chosen]]:
        """Ten offers for each of all kinds."""
        return self.chosen("next")

    @cached_property
    def never_bought(self) -> list[list[Chosen]]:
        """Ten products for each that they never bought."""
        return self.chosen("cross_sell")

    def chosen(self, kind: Kind, limit: int = K) -> list[list[Chosen]]:
        """Choose offers for each as `recommend` does, without rules."""
        policy = Policy(Rules(), self.model.catalogue)
        request = Request(kind, limit, self.dataset.snapshot)
        customers = zip(self.histories, self.ranked, strict=True)
        return [choose(self.model, policy, history, ranked, request) for history, ranked in customers]
