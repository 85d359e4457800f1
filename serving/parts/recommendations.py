"""What the parts about offers share: recommenders, rules, the experiment, and the customers of a question."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

import structlog

from core.errors import EncoreError
from core.files import written
from core.settings import StoreSettings
from features.settings import TimeSettings
from features.views.profile import ATTRIBUTE
from serving.explain.language import Language, edition
from serving.explain.wording import Writer, make_writers
from serving.offers.experiment import Experiment, Impressions, arm_of
from serving.offers.recommender import OfferRecommender, make_recommenders
from serving.scoring.deployment import Ground, ModelInfo, NoModelError
from serving.scoring.part import Reading, Shown, Status
from serving.settings import ExperimentSettings, ServingSettings, TextSettings
from training.next_product.history import History, read_history
from training.next_product.model import NextProductModel
from training.next_product.offers.rules import Rules, load_rules, read_facts
from training.next_product.settings import NextProductSettings

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Asker:
    """A customer, or a guest, to make a list for.

    Attributes
    ----------
    moment
        Of the features; for a guest the one to answer for.
    arm
        Of the experiment; None where none runs.
    """

    customer_id: str
    moment: datetime
    values: Mapping[str, object]
    arm: Experiment | None


class OfferEngine:
    """The next-product champion with the rules, and a recommender for each arm of an experiment. Immutable."""

    model: ClassVar[str] = NextProductSettings.section
    quick: ClassVar[bool] = False

    def __init__(self, ground: Ground, rules: Rules, writers: Mapping[Language, Writer]) -> None:
        champion = ground.models.loaded(NextProductModel)
        if champion is None:
            raise NoModelError.of(self.model)
        settings = ground.settings
        self.info = ModelInfo(champion.version, _predicted(champion.artifact))
        self.rules = rules
        self.history_days = settings[TimeSettings].history_days
        self.experiment = settings[ExperimentSettings]
        self.recommenders = make_recommenders(ground.models, self.experiment, rules)
        self.impressions = Impressions(settings[StoreSettings])
        self.writers = writers
        labels = sorted(one.version.label for one in self.recommenders.values())
        facts = written(rules.facts)
        texts = sorted(self.writers.items()), edition()
        self.identity: Hashable = repr((labels, self.experiment, rules.model_dump_json(), facts, texts))
        self._store = ground.store

    @classmethod
    def sees(cls, ground: Ground) -> Hashable:
        """Look at the champions, the moment of the rows, and the times that rules, facts and names were written."""
        path, names = ground.settings[ServingSettings].rules, ground.settings[TextSettings].names
        return ground.models.labels, ground.online.fingerprint, written(path, _facts(path), names)

    @classmethod
    def build(cls, ground: Ground, before: Self | None) -> Self:
        """Load what makes offers. Rules and names that cannot be read leave the ones before in their place.

        Raises
        ------
        NoModelError
            If there is no champion.
        EncoreError
            If the experiment has no challenger, or the rules cannot be read and there were none before.
        """
        if ground.models.loaded(NextProductModel) is None:
            raise NoModelError.of(cls.model)
        try:
            rules = load_rules(ground.settings[ServingSettings].rules)
            read_facts(rules)
        except EncoreError as error:
            if before is None:
                raise
            _log.warning("rules_broken", problem=error.problem)
            rules = before.rules
        try:
            writers: Mapping[Language, Writer] = make_writers(ground.settings[TextSettings])
        except EncoreError as error:
            if before is None:
                raise
            _log.warning("names_broken", problem=error.problem)
            writers = before.writers
        return cls(ground, rules, writers)

    @property
    def ruled_out(self) -> int:
        """How many products of the champion's catalogue may not be offered to anybody, by the rules."""
        return int((~self.recommenders["champion"].policy.allowed).sum())

    def read(self, customers: Sequence[str]) -> list[Asker]:
        """Read the known ones of some customers, in the order asked for.

        Raises
        ------
        StoreError
            If the online store does not answer.
        """
        vectors = self._store.online.vectors(NextProductSettings.service, customers)
        return [
            Asker(customer, vector.moment, vector.values, arm_of(self.experiment, customer))
            for customer, vector in zip(customers, vectors, strict=True)
            if vector is not None
        ]

    def by_arm(self, askers: Sequence[Asker]) -> list[tuple[OfferRecommender, list[Asker]]]:
        """Return each recommender with those it makes lists for."""
        groups: dict[str, list[Asker]] = {}
        for asker in askers:
            groups.setdefault(asker.arm.arm if asker.arm else "champion", []).append(asker)
        return [(self.recommenders[arm], group) for arm, group in groups.items()]

    def note_impression(self, one: Shown, products: Sequence[str]) -> None:
        """Write down what was offered while an experiment runs."""
        arm = one.answered.fields["experiment"]
        if arm is not None:
            self.impressions.write(one.customer_id, one.as_of, Experiment(**arm), one.answered.field("model"), products)


def _predicted(model: NextProductModel) -> dict[str, object]:
    """Return what a next-product model predicts."""
    return {"horizon_days": model.settings.horizon_days, "activity_window_days": model.settings.activity_window_days}


def engine_of(reading: Reading) -> OfferEngine:
    """Return the engine that answers a question."""
    return reading.deployment.engine(OfferEngine)


def askers(reading: Reading) -> list[Asker]:
    """Return the known customers of a question."""
    return engine_of(reading).read(reading.question.customers)


def guest(reading: Reading, attributes: Mapping[str, str]) -> Asker:
    """Return a guest: a visitor without an id, with attributes at most."""
    values = {ATTRIBUTE + name: value for name, value in attributes.items()}
    return Asker("", reading.as_of, values, None)


def histories(recommender: OfferRecommender, group: Sequence[Asker], as_of: datetime) -> list[History]:
    """Return what each bought, in the codes of a recommender's catalogue, at the moment to answer for."""
    bought = []
    for asker in group:
        moment = max(as_of, asker.moment).timestamp()
        bought.append(read_history(asker.values, recommender.model.catalogue, moment, asker.moment.timestamp()))
    return bought


def status_of(recommender: OfferRecommender, history: History, writer: Writer) -> tuple[Status, str | None]:
    """Return whether a customer gets offers, and why not."""
    withheld = recommender.policy.withholds(history)
    return ("withheld", writer.say("withheld.consent")) if withheld else ("ok", None)


def _facts(path: Path | None) -> Path | None:
    """Return the file of facts that rules name; None where they cannot be read."""
    try:
        return load_rules(path).facts
    except EncoreError:
        return None
