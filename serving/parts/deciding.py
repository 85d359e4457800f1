"""What the part `action` shares with the decisions of lists: the file, the decider, and what campaigns measured."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self

from core.files import written
from core.settings import StoreSettings
from serving.campaigns.claims import ClaimStore
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.store import CampaignStore
from serving.decisions.answers import OfferedProduct, Products
from serving.decisions.decide import Decider
from serving.decisions.definitions import Decisions
from serving.decisions.policy import Policy
from serving.decisions.records import DecisionRecords
from serving.decisions.solver import Prices
from serving.decisions.within import Decided
from serving.decisions.wording import Change, DecisionWriter
from serving.explain.language import Language, edition
from serving.explain.wording import Writer
from serving.parts.offers import OfferOptions, OffersPart
from serving.parts.population import Profile
from serving.parts.recommendations import OfferEngine
from serving.parts.standing import writers_of
from serving.scoring.deployment import Deployment, Ground, ModelInfo, NoModelError
from serving.scoring.models import Loaded
from serving.scoring.part import Question, Reading
from serving.scoring.score_table import ScoreTable
from serving.segments.population import Population
from serving.segments.rules import columns_of
from serving.settings import DecisionSettings, TextSettings
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.effects.measured import MeasuredEffect, load_effects, needs_more
from training.next_product.offers.rules import Kind

#: Section of the settings, and name, of the model that predicts what contacts change.
_UPLIFT = "uplift"
#: As many customers are enough to learn how features are read.
_SAMPLE = 20_000
#: Columns of the score table that actions are valued and spoken of by.
_READ = frozenset({"risk", "tier", "amount", "orders", "value_tier", "reason_1", "churn_model", "value_model"})
#: Products of an offer.
_PRODUCTS = 3
#: Chooses products of a kind for customers; returns them by customer.
Offering = Callable[[Kind, Sequence[str]], Mapping[str, Sequence[OfferedProduct]]]


class DecisionEngine:
    """The file of decisions with what actions are valued by. Immutable but for the file, which is read when it changes.

    Attributes
    ----------
    decisions
        What the file said when this was built; None where none is configured.
    decider
        Answers about few customers.
    profile
        How features are read.
    """

    # the part `action` needs a churn model first; its answers name the version, as those of other parts about churn do
    model: ClassVar[str] = ChurnSettings.section
    quick: ClassVar[bool] = True

    def __init__(self, ground: Ground, decider: Decider, writers: Mapping[Language, Writer]) -> None:
        stores, churn = ground.settings[StoreSettings], ground.models.loaded(ChurnModel)
        uplift = uplift_of(ground)
        label = churn.version.label if churn is not None else None
        # the engine of churn says what it predicts
        self.info: ModelInfo | None = None
        self.label = label or (uplift.version.label if uplift is not None else None)
        self.decider, self.writers = decider, writers
        self.decisions: Decisions | None = decider.file.current()
        self.profile = Profile.learn(_some(ground)) if self.decisions is not None else Profile(frozenset(), frozenset())
        self._records, self._effects = DecisionRecords(stores), load_effects(stores)
        self._campaigns = CampaignStore(CampaignDatabase(stores))
        version = self.decisions.version if self.decisions is not None else None
        texts = sorted(writers.items()), edition()
        self.identity: Hashable = repr((self.label, uplift and uplift.version.label, version, self._effects, texts))

    @classmethod
    def sees(cls, ground: Ground) -> Hashable:
        """Look at the models, the moment of the rows, and the times that decisions, effects and names were written."""
        settings = ground.settings
        effects = settings[StoreSettings].data / "effects.json"
        files = written(settings[DecisionSettings].file, effects, settings[TextSettings].names)
        return ground.models.labels, ground.online.fingerprint, files

    @classmethod
    def build(cls, ground: Ground, before: Self | None) -> Self:
        """Read the file; what cannot be read any more leaves what it said before in its place.

        Raises
        ------
        NoModelError
            If there is nothing to answer by: neither a churn model, nor an uplift model with actions to choose from.
        EncoreError
            If the file, or the names, cannot be read and could not be before.
        """
        decider = decider_of(ground)
        if before is not None:
            decider.file = before.decider.file
        decides = decider.file.current() is not None and uplift_of(ground) is not None
        if ground.models.loaded(ChurnModel) is None and not decides:
            raise NoModelError.of(cls.model)
        return cls(ground, decider, writers_of(ground, before.writers if before else None))

    @property
    def needed(self) -> frozenset[str]:
        """The columns of the score table that decisions read."""
        rules = [one.rule for one in self.decisions.actions.values() if one.rule] if self.decisions is not None else []
        return _READ.union(*(columns_of(rule) for rule in rules))

    def decide(self, population: Population, now: datetime) -> Decided:
        """Decide for few customers by the prices of the last plan; without a plan, every gain is worth its cost.

        Contacts, consents and reservations are read now.
        """
        plan = self._records.latest()
        contacts = self.decider.contacts(population.customers, now)
        policy = self.decisions.policy if self.decisions is not None else Policy()
        exclusive = self._campaigns.exclusive(policy, now)
        return self.decider.answer(population, contacts, plan.prices if plan else Prices(), now, exclusive)

    def worked(self, finding: str, writer: Writer) -> str | None:
        """Say which action has worked for customers with a reason; None where none was seen to.

        That is the one with the highest lower end of the interval, which is above 0.
        """
        known = [one for one in self._effects if one.by == "reason" and one.group == finding and not needs_more(one)]
        seen = [one for one in known if one.low > 0 and one.measure in {"retained", "orders"}]
        if not seen:
            return None
        best = max(seen, key=lambda one: one.low)
        write, actions = DecisionWriter(writer), self.decisions.actions if self.decisions is not None else {}
        action = actions.get(best.action)
        return write.worked(write.title(action) if action else best.action, _change(best))


def uplift_of(ground: Ground) -> Loaded[Any] | None:
    """Return the champion that predicts what contacts change."""
    return ground.models.champions.get(_UPLIFT)


def decider_of(ground: Ground) -> Decider:
    """Return what decides for few customers; it reads no score table."""
    stores = ground.settings[StoreSettings]
    database = CampaignDatabase(stores)
    reserved = ClaimStore(database, CampaignStore(database)).reserved
    return Decider(ground.settings, ScoreTable(stores, ()), uplift=lambda: uplift_of(ground), reserved=reserved)


def offering_of(deployment: Deployment, language: Language, as_of: datetime) -> Offering:
    """Return what chooses products for offers, as the part `offers` does; none where there is no recommender."""

    def choose(kind: Kind, customers: Sequence[str]) -> Mapping[str, Sequence[OfferedProduct]]:
        if deployment.error(OfferEngine) is not None or not customers:
            return {}
        options = {OffersPart.name: OfferOptions(kind, _PRODUCTS)}
        question = Question(tuple(customers), (OffersPart.name,), language, options)
        answers = OffersPart().compute(Reading(deployment, question, as_of))
        return {
            customer: [OfferedProduct(offer.product_id, offer.name) for offer in one.value.offers or ()]
            for customer, one in answers.items()
        }

    return choose


def products_of(decided: Decided, places: Sequence[int], choose: Offering, writer: Writer) -> Products:
    """Return the products that go with the actions that were chosen for customers at some places."""
    products: dict[tuple[str, str], Sequence[OfferedProduct]] = {}
    for column, action in enumerate(decided.actions):
        offer = action.offer
        customers = [decided.population.customers[place] for place in places if decided.choice[place] == column]
        if offer is None:
            continue
        if offer.kind is None:
            named = [OfferedProduct(one, writer.names.of("product", one)) for one in offer.products]
            chosen: Mapping[str, Sequence[OfferedProduct]] = dict.fromkeys(customers, named)
        else:
            chosen = choose(offer.kind, customers)
        products |= {(action.name, customer): found for customer, found in chosen.items()}
    return products


def _change(effect: MeasuredEffect) -> Change:
    return Change("measured", effect.lift, effect.low, effect.high, effect.measure == "orders")


def _some(ground: Ground) -> Sequence[Mapping[str, Any]]:
    """Return features of customers at the materialised moment."""
    return list(ground.store.everyone(ChurnSettings.service, ground.online.as_of, _SAMPLE).values())
