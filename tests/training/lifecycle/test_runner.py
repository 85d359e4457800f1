"""The runner: a toy model goes the whole way by one entry in the registry; the gate; what may be measured."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import mlflow
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from core.errors import StateError
from core.progress import Report, silent
from core.settings import Settings
from features.engine.build import build_features
from features.services import FeatureService, ModelSettings
from features.snapshots import Windows
from features.store.feature_store import Store
from serving.cli.context import Context as CommandContext
from serving.cli.evaluation import evaluate as evaluate_command
from serving.cli.train import train as train_command
from serving.scoring.models import find_labels, find_versions, load_models
from serving.settings import ExperimentSettings, load_settings
from tests.conftest import NOW, World, copied
from training.evaluation.bootstrap import Estimate
from training.evaluation.comparison import Comparison, Difference
from training.evaluation.grade import GradeRule
from training.evaluation.sheet import Headline, Sheet
from training.lifecycle.champions import Champions
from training.lifecycle.gate import Decision
from training.lifecycle.judge import Judge, unseen_by, without_reasons
from training.lifecycle.promote import promote
from training.lifecycle.promotions import Who
from training.lifecycle.runner import champion, context_of, evaluate, train
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.model import Context, Fitted
from training.readiness.check import check_data
from training.readiness.facts import DataFacts
from training.readiness.fitness import Finding, Fitness
from training.registry import MODELS, Registered

RULE = GradeRule("error", "Compares.", "less", "{improvement:.0%} less than {best_rule}", {"A": (0.1, 1.0)})


class ToySettings(ModelSettings):
    """How many baskets a customer has had."""

    section: ClassVar[str] = "toy"
    service: ClassVar[FeatureService] = FeatureService("toy_v1", frozenset(), frozenset({"customer_activity"}))

    scale: float = 1.0

    @property
    def windows(self) -> Windows:
        return Windows(reach_days=28, steps=2)


@dataclass(frozen=True)
class ToyArtifact:
    """The mean number of baskets."""

    mean: float
    labels_end: datetime

    def prepared(self, store: Store, as_of: datetime) -> "ToyArtifact":
        return self

    def save(self, directory: Path) -> None:
        (directory / "toy.json").write_text(json.dumps([self.mean, self.labels_end.isoformat()]))

    @classmethod
    def load(cls, directory: Path) -> "ToyArtifact":
        mean, labels_end = json.loads((directory / "toy.json").read_text())
        return cls(mean, datetime.fromisoformat(labels_end))


class _PyFunc:
    def __init__(self, artifact: ToyArtifact) -> None:
        self._artifact = artifact

    def predict(self, model_input: pd.DataFrame, params: object = None) -> pd.DataFrame:
        return pd.DataFrame({"baskets": np.full(len(model_input), self._artifact.mean)})


def _load_pyfunc(path: str) -> _PyFunc:
    return _PyFunc(ToyArtifact.load(Path(path)))


class Toy:
    settings: ClassVar[type[ModelSettings]] = ToySettings
    artifact: ClassVar[type[Any]] = ToyArtifact
    room: ClassVar[str] = __name__
    pyfunc: ClassVar[str] = __name__

    def depends_on(self, settings: Settings) -> Sequence[object]:
        return (settings[ToySettings],)

    def fit(self, context: Context, report: Report) -> Fitted[ToyArtifact]:
        report(0.5, "counting")
        lines = context.store.point_in_time(ToySettings.service, self._customers(context))
        mean = float(lines["baskets_total"].mean()) * context.settings[ToySettings].scale
        grading = RULE.grade(
            {"toy": 0.0}, model="toy", best_rule="none", gain=Estimate(1.0, 0.5, 1.5), improvement=0.5, ece=0.0
        )
        return Fitted(
            artifact=ToyArtifact(mean, context.split.train[-1]),
            params={"scale": context.settings[ToySettings].scale},
            metrics={"toy.mean": mean},
            grading=grading,
            card="# Toy",
            pictures={"nothing": Figure},
            example=pd.DataFrame({"customer": [1.0]}),
            output=pd.DataFrame({"baskets": [mean]}),
            left_out=("weather",),
        )

    def check(self, label: str, artifact: ToyArtifact, settings: Settings) -> None:
        if settings[ToySettings].scale < 0:
            raise StateError(f"{label} knows no negative scale.", "Raise toy.scale.")

    def evaluate(self, context: Context, label: str, artifact: ToyArtifact, report: Report) -> dict[str, Any]:
        return {"protocol": {"model": label}, "mean": artifact.mean}

    def compare(self, context: Context, challenger: ToyArtifact, champion: ToyArtifact, report: Report) -> Comparison:
        gain = challenger.mean - champion.mean
        same = Difference(0.0, 0.0, Estimate(0.0, 0.0, 0.0))
        metrics = {"mean": Difference(challenger.mean, champion.mean, Estimate(gain, gain, gain)), "ece": same}
        return Comparison("mean", ("2018-01-01",), 2, 2, metrics)

    def sheets(self, evaluation: Mapping[str, Any]) -> Sequence[Sheet]:
        return [Sheet("A toy", ("mean",), [(f"{evaluation['mean']:.1f}",)], ("It is a toy.",))]

    def headlines(self, metrics: Mapping[str, float]) -> Sequence[Headline]:
        return [Headline("mean", f"{metrics['toy.mean']:.1f}")]

    def outcomes(self, settings: Settings, asked: pd.DataFrame) -> pd.DataFrame:
        return asked.assign(outcome=1)

    def judge(self, settings: Settings, facts: DataFacts) -> Fitness | None:
        return Fitness("toy", (Finding("fit", f"{facts.days:.0f} days"),))

    def _customers(self, context: Context) -> pd.DataFrame:
        return pd.DataFrame({"customer_id": ["6", "12"], "event_timestamp": context.split.train[-1]})


TOY = Toy()


@pytest.fixture(scope="module")
def registered() -> Registered:
    """The one entry that adding a model takes."""
    return Registered(ToySettings, f"{__name__}:TOY", f"{__name__}:ToyArtifact", "How many baskets customers have.")


@pytest.fixture(scope="module")
def settings(world: World, registered: Registered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A copy of the world with features for the toy, and an MLflow registry of its own."""
    directory = tmp_path_factory.mktemp("toy")
    with copied(world, directory):
        (directory / "mlruns").unlink()
        text = (directory / "encore.toml").read_text().replace("[churn]", "[toy]\nscale = 2.0\n[churn]")
        (directory / "encore.toml").write_text(text)
        MODELS.append(registered)
        changed = load_settings()
        build_features(changed, NOW)
        Store(changed).apply()
        yield changed
        MODELS.remove(registered)


def test_a_toy_model_is_trained_skipped_measured_and_loaded(settings: Settings, registered: Registered) -> None:
    assert settings[ToySettings].scale == 2.0
    first = train(TOY, settings)
    assert (first.version.label, first.version.aliases, first.version.grade) == ("encore-toy/1", ("champion",), "A")
    assert first.left_out == ("weather",)
    assert first.version.metrics["grade.improvement"] == 0.5
    assert train(TOY, settings).skipped
    again = train(TOY, settings.replaced(ToySettings(scale=3.0)))
    assert not again.skipped
    assert again.version.metrics["toy.mean"] == pytest.approx(1.5 * first.version.metrics["toy.mean"])
    run = mlflow.get_run(first.version.run_id)
    assert run.data.params["feature_service"] == "toy_v1"
    assert run.data.params["scale"] == "2.0"
    assert run.info.run_name == "toy"
    assert mlflow.artifacts.load_text(f"runs:/{first.version.run_id}/model_card.md") == "# Toy"
    served = mlflow.pyfunc.load_model("models:/encore-toy/1")
    predicted = served.predict(pd.DataFrame({"customer": [1.0, 2.0]}))
    assert predicted["baskets"].tolist() == [first.version.metrics["toy.mean"]] * 2
    assert served.metadata.signature is not None
    evaluation = evaluate(TOY, settings)
    assert evaluation == {"protocol": {"model": "encore-toy/2"}, "mean": again.version.metrics["toy.mean"]}


def test_serving_loads_it_by_its_class(settings: Settings, registered: Registered) -> None:
    train(TOY, settings)
    tracking, experiment = Tracking(settings[TrackingSettings]), ExperimentSettings()
    models = load_models(tracking, find_versions(tracking, experiment, sells=True), Store(settings), NOW)
    loaded = models.loaded(ToyArtifact)
    assert loaded is not None
    assert loaded.artifact.mean == loaded.version.metrics["toy.mean"]
    assert models.labels == find_labels(tracking, experiment, sells=True) == (loaded.version.label,)


def test_the_commands_take_it(
    settings: Settings, registered: Registered, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENCORE_TOY__SCALE", "4")
    context = CommandContext(None)
    context.console = Console(width=200)
    train_command(context, registered, promote=True)
    evaluate_command(context, registered, json=False)
    text = capsys.readouterr().out
    for words in ("toy model", "is champion, grade A", "evaluate toy", "A toy", "It is a toy."):
        assert words in text


def test_the_data_check_asks_it(settings: Settings, registered: Registered) -> None:
    fitness = check_data(settings, NOW, [model.load() for model in MODELS]).fitness
    assert [one.model for one in fitness] == ["churn", "next product", "value", "segments", "toy"]


def test_a_worse_challenger_is_refused_once_and_noted_everywhere(settings: Settings) -> None:
    best = champion(TOY, settings).version
    who = Who("ada", "tries a smaller scale")
    worse = settings.replaced(ToySettings(scale=0.5))
    trained = train(TOY, worse, who=who)
    decision = trained.decision
    assert decision is not None
    assert [check.name for check in decision.checks if not check.passes] == ["gain"]
    assert decision.against == best.label
    assert trained.version.aliases == ("challenger",)
    assert trained.version.gate == decision.reason == mlflow.get_run(trained.version.run_id).data.tags["encore.gate"]
    assert Tracking(settings[TrackingSettings]).decision(trained.version) == decision
    newest = Champions(settings).history("encore-toy", 1)[0]
    assert (newest.action, newest.version, newest.decided_by) == ("refused", trained.version.number, "ada")
    assert newest.why == "tries a smaller scale"
    assert newest.reason == decision.reason
    again = train(TOY, worse)
    assert again.skipped
    assert again.version == trained.version
    assert again.decision == decision


def test_a_version_that_was_refused_beside_another_champion_is_judged_again_without_training(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = champion(TOY, settings)
    small, large = (settings.replaced(ToySettings(scale=scale)) for scale in (0.25, 11.0))
    better = train(TOY, large)
    refused = train(TOY, small)
    assert better.version.aliases == ("champion",)
    assert refused.version.aliases == ("challenger",)
    Champions(settings).roll_back("encore-toy", Who("ada", "too large"), to=first.version.number)
    monkeypatch.setattr(Toy, "fit", lambda *_: pytest.fail("trained again"))
    back = train(TOY, large)
    assert back.skipped
    assert back.decision is not None
    assert "was rolled back" in back.decision.reason
    judged = train(TOY, small)
    assert judged.skipped
    assert judged.decision is not None
    assert judged.decision.against == first.version.label


def test_a_version_that_was_trained_and_not_judged_is_judged_without_training_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(TOY, settings)
    other = settings.replaced(ToySettings(scale=12.0))

    def killed(*_: object) -> Decision:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Judge, "decide", killed)
        train(TOY, other)
    waiting = Tracking(settings[TrackingSettings]).version("encore-toy", "challenger")
    assert waiting.gate is None
    monkeypatch.setattr(Toy, "fit", lambda *_: pytest.fail("trained again"))
    judged = train(TOY, other)
    assert judged.skipped
    assert judged.version.number == waiting.number
    assert judged.version.aliases == ("champion",)


def test_a_version_whose_files_are_broken_is_refused_and_trained_again(settings: Settings) -> None:
    train(TOY, settings)
    other = settings.replaced(ToySettings(scale=13.0))
    waiting = train(TOY, other, promote=False).version
    assert waiting.aliases == ("challenger",)
    champions = Champions(settings)
    for file in Path(settings[TrackingSettings].artifacts).rglob("toy.json"):
        if json.loads(file.read_text())[0] == waiting.metrics["toy.mean"]:
            file.write_text("torn")
    judge = Judge(TOY, context_of(TOY, settings), champions.tracking)
    decision = judge.decide(waiting, champions.current("encore-toy"))
    assert [check.name for check in decision.checks if not check.passes] == ["answers"]
    assert "JSONDecodeError" in decision.reason
    trained = train(TOY, other)
    assert not trained.skipped
    assert trained.version.number != waiting.number
    assert trained.version.aliases == ("champion",)


def test_a_champion_whose_files_are_gone_does_not_keep_others_from_its_place(settings: Settings) -> None:
    best = champion(TOY, settings).version
    for file in list(Path(settings[TrackingSettings].artifacts).rglob("toy.json")):
        if file.read_text().startswith(f"[{best.metrics['toy.mean']},"):
            shutil.rmtree(file.parents[3])
    trained = train(TOY, settings.replaced(ToySettings(scale=0.125)))
    assert trained.version.aliases == ("champion",)
    assert trained.decision is not None
    gain = trained.decision.check("gain")
    assert gain is not None
    assert gain.text.startswith(
        f"The champion {best.label} cannot answer any more: The files of {best.label} are gone."
    )


def test_a_version_that_answers_another_question_is_refused(settings: Settings) -> None:
    train(TOY, settings)
    with pytest.raises(StateError, match=r"encore-toy/\d+ knows no negative scale"):
        champion(TOY, settings.replaced(ToySettings(scale=-1.0)))


def test_a_version_is_measured_on_snapshots_that_are_new_to_it(settings: Settings) -> None:
    context = context_of(TOY, settings)
    first, later = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
    context = replace(context, split=replace(context.split, test=(first, later)))
    assert unseen_by("m/1", first, context).split.test == (first, later)
    assert unseen_by("m/1", later, context).split.test == (later,)
    with pytest.raises(StateError, match=r"m/1 was trained on labels up to 2024-02-02; .*found 2024-01-01, 2024-02-01"):
        unseen_by("m/1", datetime(2024, 2, 2, tzinfo=UTC), context)


def test_progress_goes_from_start_to_end(settings: Settings) -> None:
    shares: list[float] = []
    train(TOY, settings.replaced(ToySettings(scale=7.0)), lambda share, _: shares.append(share))
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert 0.9 <= shares[-1] <= 1.0
    silent(1.0, "nothing is reported")


def test_promotion_by_hand_asks_the_gate_and_notes_what_became_of_it(settings: Settings) -> None:
    train(TOY, settings.replaced(ToySettings(scale=20.0)))
    ada, worse = Who("ada", "it is smaller"), settings.replaced(ToySettings(scale=0.2))
    number = train(TOY, worse, promote=False).version.number
    refused = promote(TOY, worse, number, ada, without_reasons)
    assert (refused.promoted, refused.can_answer) == (False, True)
    assert "gain" in {check.name for check in refused.decision.checks if not check.passes}
    forced = promote(TOY, worse, number, ada, without_reasons, force=True)
    assert forced.promoted
    assert forced.version.aliases == ("champion",)
    entries = Champions(settings).history("encore-toy", 2)
    assert [(one.action, one.version, one.decided_by, one.why) for one in entries] == [
        ("promoted", number, "ada", "it is smaller"),
        ("refused", number, "ada", "it is smaller"),
    ]
    with pytest.raises(StateError, match="is the champion already"):
        promote(TOY, worse, number, ada, without_reasons)
