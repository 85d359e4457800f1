"""Campaigns with what they need of the parts: the uplift model, and the offers of the recommender."""

from collections.abc import Mapping, Sequence

from core.settings import Settings, StoreSettings
from serving.campaigns.claims import ClaimStore
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.service import Campaigns, Offering
from serving.campaigns.store import CampaignStore
from serving.decisions.decide import Decider
from serving.parts.offers import OfferOptions, OffersAnswer
from serving.scoring.models import Loaded
from serving.scoring.part import Question
from serving.scoring.reloader import ModelReloader
from serving.scoring.service import ScoringService
from serving.segments.service import Segments
from training.next_product.offers.rules import Kind
from training.uplift.model import UpliftModel

#: Products of an offer.
_PRODUCTS = 3
#: Customers whose offers are computed at once.
_BATCH = 500


def make_campaigns(
    settings: Settings, segments: Segments, service: ScoringService, reloader: ModelReloader
) -> Campaigns:
    """Return the campaigns of a deployment, with a decider that knows what they have exported."""
    database = CampaignDatabase(settings[StoreSettings])
    claims = ClaimStore(database, CampaignStore(database))

    def uplift() -> Loaded[UpliftModel] | None:
        return reloader.deployment.ground.models.loaded(UpliftModel)

    decider = Decider(settings, service.table, uplift=uplift, reserved=claims.reserved)
    return Campaigns(settings, segments, decider, database, offering(service, reloader))


def offering(service: ScoringService, reloader: ModelReloader) -> Offering:
    """Return what chooses products of a kind for customers, as the answer part `offers` does."""

    def choose(kind: Kind, customers: Sequence[str]) -> Mapping[str, Sequence[str]]:
        deployment = reloader.deployment
        options = {"offers": OfferOptions(kind=kind, limit=_PRODUCTS)}
        found: dict[str, Sequence[str]] = {}
        for start in range(0, len(customers), _BATCH):
            asked = Question(tuple(customers[start : start + _BATCH]), ("offers",), options=options)
            for one in service.answer(deployment, asked, reloader.as_of(deployment)).customers:
                answer: OffersAnswer = one.parts["offers"].value
                found[one.customer_id] = [offer.product_id for offer in answer.offers or ()]
        return found

    return choose
