"""The segments model as the runner, serving and the data check know it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd
import structlog

from core.errors import StoreError
from core.progress import Report
from core.settings import Settings
from features.services import ModelSettings
from training.evaluation.comparison import Comparison
from training.evaluation.sheet import Headline, Sheet
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.model import Context, Fitted
from training.names import registered_name_of
from training.readiness.facts import DataFacts
from training.readiness.fitness import Fitness
from training.segments import pictures
from training.segments import report as reports
from training.segments.comparison import compare_segments
from training.segments.evaluation import CHAMPION, GRADE_RULE, SHUFFLED, Evaluation, kept
from training.segments.fit import DESCRIBING, fit
from training.segments.model import SegmentsModel
from training.segments.population import Population, population_at
from training.segments.readiness import judge_segments
from training.segments.settings import SegmentSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_log = structlog.get_logger(__name__)
_EXAMPLES = 3
_METHOD = (
    "Stability: two clusterings, of a bootstrap draw of the customers and of those whom the draw leaves out, each "
    "applied to all; the adjusted Rand index in the mean over {draws} draws. Beside it the same number of clusters "
    "where each column is shuffled by itself. In brackets 95 % intervals over draws."
)


class Segments:
    """Which clusters of similar customers there are."""

    settings: ClassVar[type[ModelSettings]] = SegmentSettings
    artifact: ClassVar[type[Any]] = SegmentsModel
    room: ClassVar[str] = "training.segments"
    pyfunc: ClassVar[str] = SegmentsModel.__module__

    def depends_on(self, settings: Settings) -> Sequence[object]:
        """Return how clusters are found, and the columns that describe them."""
        return settings[SegmentSettings].learned, DESCRIBING

    def fit(self, context: Context, report: Report) -> Fitted[SegmentsModel]:
        """Find the clusters of the customers of now; labels stay those of the champion's customers."""
        report(0.0, "customers")
        population = _read(context)
        before = _champion(context.settings)
        report(0.1, "numbers of clusters")
        model = fit(population, context.settings[SegmentSettings], before[1] if before else None)
        report(0.8, "stability")
        evaluation = Evaluation(model, population, context.settings[SegmentSettings].clusters)
        return _fitted(context, evaluation, before)

    def check(self, label: str, artifact: SegmentsModel, settings: Settings) -> None:
        """Take any version: a customer has a cluster by whatever columns it was found."""

    def evaluate(self, context: Context, label: str, artifact: SegmentsModel, report: Report) -> dict[str, Any]:
        """Measure how stable the clusters of a version are among the customers of now.

        Returns
        -------
        `{"protocol": …, "clusters": [{"label", "customers", "share", "now", "traits": [{"column", "ratio", "mean"}]}],
        "stability": {"chosen", "by_number": {number: …}, "champion": {"value", "low", "high"} | None,
        "shuffled_columns": …}, "silhouette": … | None, "agreement": {"with", "kept": {"value", …}} | None, "grade": …,
        "grading": …}`. `champion` is the version that is evaluated; `by_number` was measured when it was trained.
        `agreement` is the share of the customers with the label that the champion, or where the version is the champion
        a training now, gives them.
        """
        report(0.0, "customers")
        population = _read(context)
        evaluation = Evaluation(artifact, population, context.settings[SegmentSettings].clusters)
        report(0.2, "stability")
        other = _champion(context.settings)
        if other is None or other[0] == label:
            report(0.4, "numbers of clusters")
            other = "a training now", fit(population, context.settings[SegmentSettings], artifact)
        return {"protocol": _protocol(context, evaluation, label), **_measured(evaluation, other)}

    def compare(
        self, context: Context, challenger: SegmentsModel, champion: SegmentsModel, report: Report
    ) -> Comparison:
        """Measure two versions on the same customers of now."""
        report(0.0, "customers")
        population = _read(context)
        report(0.2, "stability")
        return compare_segments(challenger, champion, population, context.settings[SegmentSettings].clusters)

    def sheets(self, evaluation: Mapping[str, Any]) -> Sequence[Sheet]:
        """Return clusters and stability as tables."""
        return reports.sheets(evaluation)

    def headlines(self, metrics: Mapping[str, float]) -> Sequence[Headline]:
        """Return the number of clusters and their stability."""
        return reports.headlines(metrics)

    def outcomes(self, settings: Settings, asked: pd.DataFrame) -> pd.DataFrame:
        """Return none: nothing is predicted."""
        del settings
        return asked.iloc[:0].assign(outcome=0)

    def judge(self, settings: Settings, facts: DataFacts) -> Fitness | None:
        """Judge whether clusters can be found; None where nothing is sold."""
        return judge_segments(settings, facts)


SEGMENTS = Segments()


def _read(context: Context) -> Population:
    return population_at(context.settings, context.store, context.split.test[-1])


def _champion(settings: Settings) -> tuple[str, SegmentsModel] | None:
    """Return name and number of the champion, and the champion; None without one, or where its files are broken."""
    tracking = Tracking(settings[TrackingSettings])
    version = tracking.find(registered_name_of(SegmentSettings.section))
    if version is None:
        return None
    try:
        return version.label, tracking.load(version, SegmentsModel)
    except StoreError:
        raise
    except Exception as error:  # whatever is wrong with its files: labels start again
        _log.warning("labels_lost", model=version.label, problem=f"{type(error).__name__}: {error}"[:300])
        return None


def _fitted(
    context: Context, evaluation: Evaluation, before: tuple[str, SegmentsModel] | None
) -> Fitted[SegmentsModel]:
    """Return everything that is registered beside a model."""
    model, population, grading = evaluation.model, evaluation.population, evaluation.grading
    protocol, measured = _protocol(context, evaluation, "new"), _measured(evaluation, before)
    names = protocol["columns"] or [name for name in protocol["wanted"] if name in population.columns]
    example = pd.DataFrame({name: population.columns[name][:_EXAMPLES] for name in names})
    members = model.assign({str(name): example[name].to_numpy() for name in example}, len(example))
    return Fitted(
        artifact=model,
        params=_params(model, protocol),
        metrics=_metrics(evaluation, measured),
        grading=grading,
        card=reports.card(protocol, measured, grading).markdown(),
        pictures=_pictures(evaluation),
        example=example,
        output=pd.DataFrame({"cluster": members}),
        rows={"train": len(population), "test": len(population)},
        left_out=tuple(name for name in protocol["wanted"] if name not in protocol["columns"]),
    )


def _protocol(context: Context, evaluation: Evaluation, label: str) -> dict[str, Any]:
    """Return what clusters were found by, and what they are measured on."""
    model, clusters = evaluation.model, evaluation.settings
    return {
        "model": label,
        "learned_at": f"{model.learned_at:%Y-%m-%d}",
        "measured_at": f"{evaluation.population.moment:%Y-%m-%d}",
        "customers": len(evaluation.population),
        "columns": list(model.clusters.scale.columns) if model.clusters else [],
        "wanted": list(clusters.columns),
        "least": clusters.least,
        "most": clusters.most,
        "stable": clusters.stable,
        "draws": clusters.draws,
        "method": _METHOD.format(draws=clusters.draws),
        "typical_gap_days": model.typical_gap,
        "feature_service": SegmentSettings.service.name,
        "data_fingerprint": context.built,
    }


def _measured(evaluation: Evaluation, other: tuple[str, SegmentsModel] | None) -> dict[str, Any]:
    model, population, grading = evaluation.model, evaluation.population, evaluation.grading
    share = None
    if other is not None and model.clusters is not None and other[1].clusters is not None and len(population):
        share = kept(evaluation.members, other[1].assign(population.columns, len(population)))
    return {
        "clusters": [{**asdict(kind), "now": float((evaluation.members == kind.label).mean())} for kind in model.kinds],
        "stability": {
            "chosen": len(model.labels) or None,
            "by_number": {str(number): index for number, index in model.stability.items()},
            CHAMPION: asdict(evaluation.stability) if evaluation.stability else None,
            SHUFFLED: asdict(evaluation.shuffled) if evaluation.shuffled else None,
        },
        "silhouette": evaluation.silhouette,
        "agreement": {"with": other[0], "kept": asdict(share)} if other is not None and share is not None else None,
        "grade": grading.grade,
        "grading": GRADE_RULE.as_json(grading),
    }


def _params(model: SegmentsModel, protocol: Mapping[str, Any]) -> dict[str, object]:
    return {
        "method": "k-means" if model.clusters else "none: no number of clusters is stable",
        "clusters": len(model.labels),
        "columns": ", ".join(protocol["columns"]) or "none",
        **{name: protocol[name] for name in ("least", "most", "stable", "draws", "learned_at")},
    }


def _metrics(evaluation: Evaluation, measured: Mapping[str, Any]) -> dict[str, float]:
    model, stability = evaluation.model, measured["stability"]
    metrics = {
        "clusters": float(len(model.labels)),
        "typical_gap_days": model.typical_gap,
        "test.customers": float(len(evaluation.population)),
    }
    metrics |= {f"stability.{number}": index for number, index in stability["by_number"].items()}
    metrics |= {f"{name}.stability": stability[name]["value"] for name in (CHAMPION, SHUFFLED) if stability[name]}
    if measured["silhouette"] is not None:
        metrics[f"{CHAMPION}.silhouette"] = measured["silhouette"]
    if measured["agreement"] is not None:
        metrics["labels_kept"] = measured["agreement"]["kept"]["value"]
    return metrics


def _pictures(evaluation: Evaluation) -> "dict[str, Callable[[], Figure]]":
    model = evaluation.model
    drawn: dict[str, Callable[[], Figure]] = {}
    if model.stability:
        drawn["stability"] = partial(pictures.stability_bars, model.stability, evaluation.settings.stable)
    if model.clusters is not None:
        shares = {kind.label: kind.share for kind in model.kinds}
        drawn["centres"] = partial(pictures.centre_map, model.clusters, shares)
    return drawn
