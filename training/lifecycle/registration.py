"""A fitted model as a run and a registered version of MLflow."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from core.progress import Report
from training.lifecycle.lineage import describe_model, describe_version, origin_tags, row_sets
from training.lifecycle.run import Run
from training.lifecycle.tracking import CARD, Tracking
from training.lifecycle.version import CAVEAT, Version, VersionTags
from training.model import A, Context, Fitted, Model
from training.names import command_of, registered_name_of


def register(
    tracking: Tracking,
    model: Model[A],
    context: Context,
    fitted: Fitted[A],
    tags: VersionTags,
    report: Report,
    others: Mapping[str, object] | None = None,
) -> Version:
    """Log a fitted model as a run, and register it as the challenger.

    Parameters
    ----------
    others
        Parameters of the run that take the place of those that all runs have.
    """
    params = _params(model, context, fitted) | dict(others or {})
    origin = origin_tags(context)
    tags = replace(tags, origin=origin, description=describe_version(context, fitted), about=describe_model(model))
    with tracking.run(command_of(model.settings.section), params) as run:
        for tag, value in origin.items():
            run.tag(tag, value)
        for rows in row_sets(model.settings.service, context, fitted):
            run.input(rows)
        _log(run, model, fitted, report)
        caveat = fitted.grading.caveat
        if caveat is not None:
            run.tag(CAVEAT, caveat)
        return tracking.register(run, registered_name_of(model.settings.section), tags)


def _params(model: Model[A], context: Context, fitted: Fitted[A]) -> dict[str, object]:
    return {
        "feature_service": model.settings.service.name,
        "data_fingerprint": context.built,
        "data_start": f"{context.schedule.data_start:%Y-%m-%d}",
        "data_end": f"{context.schedule.as_of:%Y-%m-%d}",
        **fitted.params,
    }


def _log(run: Run, model: Model[A], fitted: Fitted[A], report: Report) -> None:
    grade = {"grade.improvement": fitted.grading.improvement, "grade.ece": fitted.grading.ece}
    signs = fitted.signs.metrics() if fitted.signs else {}
    run.metrics({**fitted.metrics, **grade, **signs})
    for number, (name, draw) in enumerate(fitted.pictures.items()):
        report(0.7 * number / len(fitted.pictures), f"picture {name}")
        run.figure(name, draw())
    run.text(CARD, fitted.card)
    run.environment()
    report(0.7, "registry")
    with TemporaryDirectory() as directory:
        files = Path(directory) / "model"
        files.mkdir()
        fitted.artifact.save(files)
        run.model(files, model.pyfunc, fitted.example, fitted.output)
