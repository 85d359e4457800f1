"""Who makes offers: a model, the rules, and where the list comes from. One for each arm of an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serving.scoring.models import Models
from serving.settings import ExperimentSettings
from training.lifecycle.tracking import Version
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.offers import Kind, Offer, Request, recommend
from training.next_product.rules import Policy, Rules


@dataclass(frozen=True)
class Maker:
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
        """Return each customer's list."""
        codes = self.model.catalogue.codes(list(dict.fromkeys(basket)))
        request = Request(kind, limit, moment, codes[codes >= 0], self.baseline)
        return list(recommend(self.model, self.policy, histories, request))

    def source(self, history: History) -> dict[str, Any]:
        """Return the fields of `OfferSource` but the experiment."""
        return {
            "horizon_days": self.model.settings.horizon_days,
            "model": self.version.label,
            "model_grade": self.version.grade,
            "withheld": "consent" if self.policy.withholds(history) else None,
        }


def make_makers(models: Models, experiment: ExperimentSettings, rules: Rules) -> dict[str, Maker]:
    """Return a maker for the champion, and one for the other arm where an experiment runs; none without a model."""
    champion, challenger = models.next_product, models.challenger
    if champion is None:
        return {}
    policy = Policy(rules, champion.model.catalogue)
    makers = {"champion": Maker(champion.model, champion.version, policy, baseline=False)}
    if challenger is not None:
        policy = Policy(rules, challenger.model.catalogue)
        makers["challenger"] = Maker(challenger.model, challenger.version, policy, baseline=False)
    elif experiment.name is not None:
        makers["baseline"] = Maker(champion.model, champion.version, policy, baseline=True)
    return makers
