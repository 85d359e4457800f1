"""Columns of customers in the words of a visitor, with the titles of clusters and actions that are loaded."""

from collections.abc import Mapping

from serving.console.visitors import Visitor
from serving.decisions.wording import DecisionWriter
from serving.explain.clusters import Described
from serving.explain.fields import Fields
from serving.parts.deciding import DecisionEngine
from serving.parts.standing import StandingEngine
from serving.scoring.deployment import Deployment
from serving.segments.wording import title_of


def fields_of(visitor: Visitor) -> Fields:
    """Return what says columns and values to a visitor.

    Raises
    ------
    NotReadyError
        If nothing is loaded yet.
    """
    deployment = visitor.state.reloader.deployment
    clusters = {label: one.title for label, one in clusters_of(visitor, deployment).items()}
    return Fields(visitor.words, {"cluster": clusters, "best_action": _actions(visitor, deployment)})


def clusters_of(visitor: Visitor, deployment: Deployment) -> Mapping[str, Described]:
    """Return the clusters of the segments model in words; none without a model."""
    if deployment.error(StandingEngine) is not None:
        return {}
    return deployment.engine(StandingEngine).clusters[visitor.language]


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
