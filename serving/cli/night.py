"""The steps of the night: each says whether it is due, and does what is."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from rich.markup import escape

from core.errors import DataError, EncoreError, StoreError
from core.files import write_file
from core.settings import StoreSettings
from core.stamps import fingerprint
from features.engine.build import outdated
from features.ingest.pipeline import pending
from features.store.feature_store import Store
from features.store.materialized import read_online
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.learning import learn, made_from
from serving.campaigns.store import CampaignStore
from serving.cli.context import Context
from serving.cli.data import stage_ingest
from serving.cli.exits import DONE, FAILED, REFUSED, UNAVAILABLE, UNFIT
from serving.cli.features import stage_apply, stage_build, stage_materialize
from serving.cli.monitor import page_path, stage_monitor
from serving.cli.scores import stage_scores
from serving.cli.stages import Stages
from serving.cli.train import stage_recalibrate, stage_train
from serving.decisions.definitions import DecisionFile, Decisions
from serving.overview.night import Outcome, Result, notes
from serving.scoring.models import find_labels
from serving.settings import ExperimentSettings
from training.lifecycle.due import Due, training_due
from training.lifecycle.promotions import Who
from training.lifecycle.runner import context_of, definition_of
from training.lifecycle.settings import RefreshSettings, TrackingSettings
from training.lifecycle.tracking import Tracking
from training.monitoring.drift import drifted
from training.registry import MODELS, Registered

#: The worst exit code comes first.
_WORST = (FAILED, UNAVAILABLE, UNFIT, REFUSED)


@dataclass(frozen=True)
class Step:
    """A step of the night.

    Attributes
    ----------
    due
        Says whether it has to be done; reads and changes nothing else.
    run
        Does it.
    needed
        Whether the steps after it have nothing to work with where it fails.
    """

    name: str
    due: Callable[[], Due]
    run: Callable[[Stages], Outcome]
    needed: bool = False


@dataclass(frozen=True)
class Planned:
    """What a step would do: it depends where a step ahead of it has to be done first."""

    step: str
    verdict: Literal["would run", "nothing", "depends"]
    why: str


def steps(context: Context) -> list[Step]:
    """Return the steps of the night, in their order. Adding one is one entry here."""
    return [
        Step("ingest", lambda: _ingest_due(context), lambda stages: _ingest(context, stages), needed=True),
        Step("features", lambda: _features_due(context), lambda stages: _build(context, stages), needed=True),
        Step("feature registry", lambda: _applied(context), lambda stages: _apply(context, stages), needed=True),
        Step("online store", lambda: _online_due(context), lambda stages: _materialize(context, stages), needed=True),
        Step("effects", lambda: _effects_due(context), lambda stages: _effects(context, stages)),
        Step("scores", lambda: _scores_due(context), lambda stages: _scores(context, stages)),
        *(_training(context, registered) for registered in MODELS),
        *(_recalibration(context, registered) for registered in MODELS if registered.recalibrates),
        Step("scores of new versions", lambda: _scores_due(context), lambda stages: _scores(context, stages)),
        Step("report", lambda: _report_due(context), lambda stages: _report(context, stages)),
    ]


def run_steps(context: Context, work: Sequence[Step]) -> list[Result]:
    """Run what is due, one step after the other. A step that fails ends the night where others need it."""
    results: list[Result] = []
    with Stages(context.console) as stages:
        for step in work:
            results.append(_run(context, step, stages))
            if results[-1].outcome == "failed" and step.needed:
                break
    return results


def _run(context: Context, step: Step, stages: Stages) -> Result:
    try:
        due = step.due()
        if due.is_due:
            context.console.print(f"  [bold]{step.name}[/]: {escape(due.why)}", soft_wrap=True)
            found = step.run(stages)
        else:
            found = Outcome("skipped", due.why)
    except EncoreError as error:
        code = UNFIT if isinstance(error, DataError) else UNAVAILABLE if isinstance(error, StoreError) else FAILED
        found = Outcome("failed", str(error), code)
    return Result(step=step.name, **asdict(found))


def exit_code(results: Sequence[Result]) -> int:
    """Return the code of the worst result."""
    return next((code for code in _WORST if any(result.exit_code == code for result in results)), DONE)


def planned(context: Context) -> list[Planned]:
    """Return what each step would do and why, as far as it can be said before the steps ahead of it were done."""
    found: list[Planned] = []
    ahead = None
    for step in steps(context):
        try:
            due = step.due()
        except EncoreError as error:
            due = Due(is_due=False, why=error.problem)
        if due.is_due:
            found.append(Planned(step.name, "would run", due.why))
        elif ahead:
            found.append(Planned(step.name, "depends", f"Decided after {ahead}."))
        else:
            found.append(Planned(step.name, "nothing", due.why))
        if due.is_due and step.needed:
            ahead = step.name
    return found


def _ingest_due(context: Context) -> Due:
    why = pending(context.settings, context.now)
    return Due(why is not None, why or "No file, query or event is new.")


def _ingest(context: Context, stages: Stages) -> Outcome:
    ingested = stage_ingest(context, stages)
    rows = ", ".join(f"{count:,} {table}" for table, count in ingested.rows.items() if count)
    return Outcome("done", f"{ingested.read:,} read; there are {rows}.")


def _features_due(context: Context) -> Due:
    why = outdated(context.settings, context.now)
    return Due(why is not None, why or "They are of these data and this moment.")


def _build(context: Context, stages: Stages) -> Outcome:
    built = stage_build(context, stages)
    return Outcome("done", f"Built for {built.schedule.as_of:%Y-%m-%d}.")


def _applied(context: Context) -> Due:
    done = Store(context.settings).is_applied()
    return Due(not done, "They are registered." if done else "Views have changed.")


def _apply(context: Context, stages: Stages) -> Outcome:
    stage_apply(context, stages)
    return Outcome("done", "Registered with Feast.")


def _online_due(context: Context) -> Due:
    done = Store(context.settings).is_materialized()
    return Due(not done, "It holds these features." if done else "It holds other features, or none.")


def _materialize(context: Context, stages: Stages) -> Outcome:
    stage_materialize(context, stages)
    return Outcome("done", "A running API takes the rows over within seconds.")


def _effects_due(context: Context) -> Due:
    wanted = made_from(context.settings, *_campaigns(context))
    if wanted is None:
        return Due(is_due=False, why="No customer was assigned to a campaign.")
    if _noted(context, "effects") == wanted:
        return Due(is_due=False, why="They are of these data and campaigns.")
    return Due(is_due=True, why="Data, campaigns or decisions are new.")


def _effects(context: Context, stages: Stages) -> Outcome:
    wanted = made_from(context.settings, *_campaigns(context))
    learned = stages.run("effects", lambda _: learn(context.settings, *_campaigns(context)))
    _note(context, "effects", str(wanted))
    return Outcome("done", learned.text)


def _campaigns(context: Context) -> tuple[CampaignStore, Decisions | None]:
    database = CampaignDatabase(context.settings[StoreSettings])
    return CampaignStore(database), DecisionFile(context.settings).current()


def _scored(context: Context) -> str | None:
    """Name what scores ahead are computed from; None where no model can answer."""
    settings = context.settings
    online = read_online(settings[StoreSettings])
    labels = find_labels(Tracking(settings[TrackingSettings]), settings[ExperimentSettings], sells=online.sells)
    return fingerprint(online.fingerprint, labels) if labels else None


def _scores_due(context: Context) -> Due:
    wanted = _scored(context)
    if wanted is None:
        return Due(is_due=False, why="There is no champion yet.")
    if _noted(context, "scored") == wanted:
        return Due(is_due=False, why="They are of these features and models.")
    return Due(is_due=True, why="Features or models are new.")


def _scores(context: Context, stages: Stages) -> Outcome:
    scored = _scored(context)
    count = stage_scores(context, stages)
    _note(context, "scored", str(scored))
    return Outcome("done", f"{count:,} customers.")


def _report_due(context: Context) -> Due:
    scored = _scored(context)
    if scored is None:
        return Due(is_due=False, why="There is no champion yet.")
    if _noted(context, "reported") == f"{scored} {context.now:%Y-%m-%d}":
        return Due(is_due=False, why="It is of today, these features and these models.")
    return Due(is_due=True, why="It is of another day, or of other features or models.")


def _report(context: Context, stages: Stages) -> Outcome:
    page = page_path(context.settings[StoreSettings])
    _, sent = stage_monitor(context, stages, page)
    _note(context, "reported", f"{_scored(context)} {context.now:%Y-%m-%d}")
    problems = "".join(f" {problem}" for problem in sent.problems)
    return Outcome("done", f"{len(sent.open)} alerts are open; {page}.{problems}")


def _noted(context: Context, step: str) -> str:
    """Return what a step was done from last; nothing where it never was."""
    file = notes(context.settings[StoreSettings]) / step
    return file.read_text() if file.exists() else ""


def _note(context: Context, step: str, made_from: str) -> None:
    """Note what a step was done from, for the steps whose results do not say it."""
    write_file(notes(context.settings[StoreSettings]) / step, made_from.encode())


def _training(context: Context, registered: Registered) -> Step:
    name = f"train {registered.command}"

    def due() -> Due:
        model = registered.load()
        try:
            within = context_of(model, context.settings)
        except DataError as error:
            return Due(is_due=False, why=error.problem)
        tracking = Tracking(context.settings[TrackingSettings])
        return training_due(model, within, tracking, definition_of(model, context.settings), drifted)

    def run(stages: Stages) -> Outcome:
        why = due().why
        trained = stage_train(context, stages, registered, promote=True, who=Who("encore refresh", why))
        label, decision = trained.version.label, trained.decision
        if decision is None or decision.passes:
            return Outcome("done", f"{why} {label} is the champion, grade {trained.version.shown_grade}.")
        return Outcome("refused", f"{why} {label}: {decision.reason}", REFUSED)

    return Step(name, due, run)


def _recalibration(context: Context, registered: Registered) -> Step:
    name = f"recalibrate {registered.command}"

    def due() -> Due:
        if not context.settings[RefreshSettings].recalibrate:
            return Due(is_due=False, why="refresh.recalibrate is off.")
        champion = Tracking(context.settings[TrackingSettings]).find(registered.registered_name)
        return Due(
            champion is not None, "Labels may be newer than its calibration." if champion else "No champion yet."
        )

    def run(stages: Stages) -> Outcome:
        who = Who("encore refresh", "its percentages are compared with newer labels each night")
        done = stage_recalibrate(context, stages, registered, who)
        if done.decision is None:
            return Outcome("skipped", done.reason)
        return Outcome("done", done.reason) if done.decision.passes else Outcome("refused", done.reason, REFUSED)

    return Step(name, due, run)
