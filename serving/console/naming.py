"""Columns of customers in the words of a visitor, with the titles of clusters and actions that are loaded."""

from collections.abc import Iterator, Mapping

from features.views.profile import ATTRIBUTE
from serving.console.visitors import Visitor
from serving.console.words import Words
from serving.decisions.wording import DecisionWriter
from serving.explain.clusters import Described
from serving.explain.fields import Fields
from serving.parts.deciding import DecisionEngine
from serving.parts.recommendations import OfferEngine
from serving.parts.standing import StandingEngine
from serving.scoring.deployment import Deployment
from serving.segments.wording import title_of
from training.next_product.catalogue import Catalogue


def fields_of(visitor: Visitor) -> Fields:
    """Return what says columns and values to a visitor.

    Raises
    ------
    NotReadyError
        If nothing is loaded yet.
    """
    deployment = visitor.state.reloader.deployment
    clusters = {label: one.title for label, one in clusters_of(visitor, deployment).items()}
    titles: dict[str, Mapping[str, str]] = {"cluster": clusters, "best_action": _actions(visitor, deployment)}
    if deployment.error(OfferEngine) is None:
        recommender = deployment.engine(OfferEngine).recommenders["champion"]
        titles["best_offer"] = _Products(visitor.words, recommender.model.catalogue)
    return Fields(visitor.words, titles, _attributes(visitor.words))


def clusters_of(visitor: Visitor, deployment: Deployment) -> Mapping[str, Described]:
    """Return the clusters of the segments model in words; none without a model."""
    if deployment.error(StandingEngine) is not None:
        return {}
    return deployment.engine(StandingEngine).clusters[visitor.language]


class _Products(Mapping[str, str]):
    """What products are called: only those that are asked for, as there may be very many."""

    def __init__(self, words: Words, catalogue: Catalogue) -> None:
        self._words, self._catalogue = words, catalogue

    def __getitem__(self, product: str) -> str:
        code = int(self._catalogue.codes([product])[0])
        if code < 0:
            raise KeyError(product)
        return self._words.names.of("product", product, self._catalogue.label(code))

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalogue.ids.tolist())

    def __len__(self) -> int:
        return len(self._catalogue)


def _attributes(words: Words) -> Mapping[str, str]:
    """Return what the page of a customer calls attributes, by column."""
    start = "customer.attribute."
    return {f"{ATTRIBUTE}{key.removeprefix(start)}": text for key, text in words.texts.items() if key.startswith(start)}


def _actions(visitor: Visitor, deployment: Deployment) -> Mapping[str, str]:
    if deployment.error(DecisionEngine) is not None:
        return {}
    decisions, writer = deployment.engine(DecisionEngine).decisions, DecisionWriter(visitor.words)
    actions = decisions.actions if decisions is not None else {}
    return {"do_nothing": writer.title(None), **{name: writer.title(one) for name, one in actions.items()}}


def segment_titles(visitor: Visitor) -> dict[str, str]:
    """Return what segments are called, by name."""
    defined = visitor.state.segments.definitions()
    return {name: title_of(one, visitor.language) for name, (one, _) in defined.items()}
