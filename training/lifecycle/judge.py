"""The judge: gathers what the gate wants to know of a registered version, on what neither it nor the champion saw."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic

from core.errors import EncoreError, StateError, StoreError
from core.progress import Report, part_of, silent
from training.evaluation.comparison import Comparison
from training.evaluation.leakage import Signs
from training.lifecycle.gate import Decision, Evidence, Fidelity, decide
from training.lifecycle.settings import PromotionSettings
from training.lifecycle.tracking import Tracking
from training.lifecycle.version import Version
from training.model import A, Context, Model, Objecting

#: Measures the reasons that are given with a version's answers, which a room above this one makes; None without any.
Inspect = Callable[[Model[Any], Context, Any], Fidelity | None]


def without_reasons(*_: object) -> None:
    """Inspect nothing."""


@dataclass(frozen=True)
class Judge(Generic[A]):
    """Judges versions of one model."""

    model: Model[A]
    context: Context
    tracking: Tracking
    inspect: Inspect = without_reasons

    def decide(
        self, version: Version, champion: Version | None, signs: Signs | None = None, report: Report = silent
    ) -> Decision:
        """Ask the gate about a version.

        Parameters
        ----------
        champion
            None where there is nothing to beat.
        signs
            Signs of leakage, where it was trained now; else those of its earlier decision hold on.
        """
        return self.decide_on(self.evidence(version, champion, signs, report), champion)

    def decide_on(self, evidence: Evidence, champion: Version | None) -> Decision:
        """Ask the gate about evidence that was gathered beside a champion."""
        decision = decide(evidence, self.context.settings[PromotionSettings])
        return replace(decision, against=champion.label if champion else None)

    def compare(
        self, challenger: tuple[Version, A], champion: tuple[Version, A], report: Report = silent
    ) -> Comparison:
        """Measure two versions on the test snapshots that neither has learned from.

        Raises
        ------
        StateError
            If there is no such snapshot.
        """
        version, artifact = max((challenger, champion), key=lambda one: one[1].labels_end)
        unseen = unseen_by(version.label, artifact.labels_end, self.context)
        return self.model.compare(unseen, challenger[1], champion[1], report)

    def load(self, version: Version) -> A:
        """Load a version that answers the question that the settings ask.

        Raises
        ------
        StateError, StoreError
            If it answers another one, or cannot be read.
        """
        artifact: A = self.tracking.load(version, self.model.artifact)
        self.model.check(version.label, artifact, self.context.settings)
        return artifact

    def evidence(
        self, version: Version, champion: Version | None, signs: Signs | None = None, report: Report = silent
    ) -> Evidence:
        """Gather what the gate asks about; the parameters are those of `decide`.

        Raises
        ------
        StoreError
            If the version cannot be read from MLflow, or the feature store does not answer.
        """
        earlier = self.tracking.decision(version)
        evidence = Evidence(grade=version.grade or "D", words=version.words or "", signs=signs, earlier=earlier)
        try:
            artifact = self.load(version)
            artifact.prepared(self.context.store, self.context.schedule.as_of)
            report(0.3, "reasons")
            evidence = replace(evidence, fidelity=self.inspect(self.model, self.context, artifact))
            if isinstance(artifact, Objecting):
                evidence = replace(evidence, objection=artifact.objection)
        except StoreError:
            raise
        except Exception as error:  # whatever keeps it from answering
            return replace(evidence, broken=_problem(error))
        if champion is None or champion.label == version.label:
            return evidence
        try:
            other = self.load(champion)
        except Exception as error:  # MLflow has just answered, so that the fault is the champion's: its files are gone
            return replace(evidence, alone=f"The champion {champion.label} cannot answer any more: {_problem(error)}")
        evidence = replace(evidence, champion_grade=champion.grade)
        report(0.6, f"beside {champion.label}")
        try:
            comparison = self.compare((version, artifact), (champion, other), part_of(report, 0.6, 1.0))
        except StoreError:
            raise
        except Exception as error:  # one of the two cannot be asked
            return replace(evidence, incomparable=_problem(error))
        return replace(evidence, comparison=comparison)


def _problem(error: Exception) -> str:
    return error.problem if isinstance(error, EncoreError) else f"{type(error).__name__}: {error}"[:300]


def unseen_by(label: str, labels_end: datetime, context: Context) -> Context:
    """Keep the test snapshots that a version has not learned from.

    Raises
    ------
    StateError
        If there is none: all lie before the end of the labels that the version learned from.
    """
    tests = context.split.test
    kept = tuple(moment for moment in tests if moment >= labels_end)
    if not kept:
        raise StateError(
            f"{label} was trained on labels up to {labels_end:%Y-%m-%d}; expected test snapshots from then on, "
            f"found {', '.join(f'{t:%Y-%m-%d}' for t in tests)}.",
            "Choose later test snapshots, wait until labels of later ones are complete, or train again.",
        )
    return context if kept == tests else replace(context, split=replace(context.split, test=kept))
