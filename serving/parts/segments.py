"""Where a customer stands: groups by recency, frequency and money, lifecycle stage, rung of the ladder, cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import structlog
from pydantic import Field

from core.errors import StoreError
from serving.explain.wording import Writer
from serving.parts.standing import StandingEngine, placed_customers
from serving.scoring.deployment import Deployment
from serving.scoring.part import AnswerPart, Column, Computed, PartAnswer, Question, Reading
from training.segments.standing import Standing

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Named:
    """One of a few names, with its title in the reader's language."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class ClusterAnswer:
    """A cluster of customers who buy in a similar way, in the reader's language."""

    name: Annotated[str, Field(description="Stays from training to training", examples=["cluster_2"])]
    title: str
    text: Annotated[str, Field(description="How its customers differ most from all others")]


@dataclass(frozen=True, slots=True)
class RfmScores:
    """Scores of recency, frequency and money, 1 to 5, 5 the best; and the group that they make."""

    recency: int
    frequency: int
    monetary: int
    group: Named


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentsAnswer(PartAnswer):
    """Where a customer stands. What needs a purchase is null for a customer without one."""

    rfm: Annotated[RfmScores | None, Field(description="By fifths of the customers, or fixed cuts")] = None
    stage: Annotated[
        Named | None,
        Field(description="new, growing, mature, declining, lapsed, lost or won_back, by the customer's own rhythm"),
    ] = None
    ladder: Annotated[Named | None, Field(description="first_purchase, repeated, several_categories or advocate")] = (
        None
    )
    cluster: Annotated[
        ClusterAnswer | None,
        Field(description="Of customers who buy in a similar way, as the segments model found them; null without one"),
    ] = None
    member_of: Annotated[
        list[str] | None,
        Field(description="Names of the segments that rules define, as of their last evaluation; null: not known"),
    ] = None


class SegmentsPart(AnswerPart[SegmentsAnswer]):
    """Where a customer stands, by rules; and the cluster, where a segments model was trained."""

    name = "segments"
    schema = SegmentsAnswer
    role = "score"
    engine = StandingEngine
    columns = (
        Column("recency_score", "number", "1 to 5; 5 are the fifth of the customers who bought last"),
        Column("frequency_score", "number", "1 to 5; 5 are the fifth with the most orders"),
        Column("monetary_score", "number", "1 to 5; 5 are the fifth with the highest net amount"),
        Column("rfm_group", "text", "One of eleven groups by the three scores, such as champions"),
        Column("stage", "text", "Lifecycle stage: new, growing, mature, declining, lapsed, lost or won_back"),
        Column("ladder", "text", "first_purchase, repeated, several_categories or advocate"),
        Column("cluster", "text", "Cluster of similar customers that the segments model found, such as cluster_2"),
    )

    def key(self, deployment: Deployment, question: Question) -> str | None:
        """Name answers by the version of the segments too; nothing is kept while that is not known."""
        if deployment.error(StandingEngine) is not None:
            return None
        try:
            version = deployment.engine(StandingEngine).version()
        except StoreError as error:
            _log.warning("segments_not_read", problem=error.problem)
            return None
        return f"{self.name} {question.language} {version}"

    def compute(self, reading: Reading) -> Mapping[str, Computed[SegmentsAnswer]]:
        """Return where every known customer stands."""
        placed, engine = reading.once(placed_customers), reading.deployment.engine(StandingEngine)
        if not placed.customers:
            return {}
        standing, language = engine.stand(placed), reading.question.language
        writer, described = engine.writers[language], engine.clusters[language]
        model = engine.info.version.label if engine.info is not None else None
        named_clusters = {label: ClusterAnswer(label, one.title, one.text) for label, one in described.items()}
        clusters = [named_clusters.get(label) for label in engine.clusters_of(placed)]
        return {
            customer: Computed(
                vector.moment,
                replace(
                    _answer(standing, place, writer),
                    model=model,
                    cluster=clusters[place],
                    member_of=_member_of(engine, customer),
                ),
            )
            for place, (customer, vector) in enumerate(zip(placed.customers, placed.vectors, strict=True))
        }

    def cells(self, value: SegmentsAnswer) -> Mapping[str, object]:
        """Return scores, group, stage, rung and cluster."""
        rfm = value.rfm
        return {
            "recency_score": rfm.recency if rfm else None,
            "frequency_score": rfm.frequency if rfm else None,
            "monetary_score": rfm.monetary if rfm else None,
            "rfm_group": rfm.group.name if rfm else None,
            "stage": value.stage.name if value.stage else None,
            "ladder": value.ladder.name if value.ladder else None,
            "cluster": value.cluster.name if value.cluster else None,
        }

    def exported(self, value: SegmentsAnswer | None) -> Mapping[str, object]:
        """Return group, stage, rung and cluster."""
        cells = self.cells(value or SegmentsAnswer())
        return {name: cells[name] for name in ("rfm_group", "stage", "ladder", "cluster")}


def _answer(standing: Standing, place: int, writer: Writer) -> SegmentsAnswer:
    group = named("rfm", standing.rfm_group[place], writer)
    scores = (standing.recency_score, standing.frequency_score, standing.monetary_score)
    recency, frequency, monetary = (0 if np.isnan(score[place]) else int(score[place]) for score in scores)
    return SegmentsAnswer(
        rfm=RfmScores(recency, frequency, monetary, group) if group is not None else None,
        stage=named("stage", standing.stage[place], writer),
        ladder=named("ladder", standing.ladder[place], writer),
    )


def _member_of(engine: StandingEngine, customer: str) -> list[str] | None:
    try:
        return engine.member_of(customer)
    except StoreError as error:
        _log.warning("segments_not_read", problem=error.problem)
        return None


def named(kind: str, name: str, writer: Writer) -> Named | None:
    """Return a name with its title; None for the empty name, which says that nothing is known."""
    return Named(name, writer.say(f"{kind}.{name}")) if name else None
