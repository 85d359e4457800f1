"""Recommenders at serving time: a model with the rules, one for each arm of an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.errors import StateError
from serving.scoring.models import Models
from serving.settings import ExperimentSettings
from training.lifecycle.version import Version
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.offers.policy import Policy
from training.next_product.offers.recommend import Offer, recommend
from training.next_product.offers.rules import Kind, Rules
from training.next_product.offers.selection import Request


@dataclass(frozen=True)
class OfferRecommender:
    """Makes the offers of one arm.

    Attributes
    ----------
    baseline
        Order by own frequency and popularity instead of by the model.
    """

    model: NextProductModel
    version: Version
    policy: Policy
    baseline: bool

    def offers(
        self, histories: Sequence[History], kind: Kind, limit: int, moment: datetime, basket: Sequence[str]
    ) -> list[list[Offer]]:
        """Return each customer's list. Products of the basket that are not in the catalogue are ignored."""
        codes = self.model.catalogue.codes(list(dict.fromkeys(basket)))
        request = Request(kind, limit, moment, codes[codes >= 0], self.baseline)
        return list(recommend(self.model, self.policy, histories, request))


def make_recommenders(models: Models, experiment: ExperimentSettings, rules: Rules) -> dict[str, OfferRecommender]:
    """Return a recommender for the champion, and one for the other arm where an experiment runs, by arm.

    Raises
    ------
    StateError
        If the experiment shows a challenger, and there is none.
    """
    champion = models.loaded(NextProductModel)
    if champion is None:
        return {}
    policy = Policy(rules, champion.artifact.catalogue)
    recommenders = {"champion": OfferRecommender(champion.artifact, champion.version, policy, baseline=False)}
    if experiment.name is None:
        return recommenders
    if experiment.other == "baseline":
        recommenders["baseline"] = OfferRecommender(champion.artifact, champion.version, policy, baseline=True)
        return recommenders
    challenger = models.challenger(NextProductModel)
    if challenger is None:
        raise StateError(
            'experiment.other = "challenger", and no version of the next-product model is one.',
            "Run `encore train next-product --no-promote`, or set experiment.other to baseline.",
        )
    policy = Policy(rules, challenger.artifact.catalogue)
    recommenders["challenger"] = OfferRecommender(challenger.artifact, challenger.version, policy, baseline=False)
    return recommenders
