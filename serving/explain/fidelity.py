"""Whether reasons are true to the model and can be read, measured on the customers of the test snapshots."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from core.arrays import Columns, Floats
from core.progress import Report, silent
from core.settings import Settings
from features.vectors import later
from serving.explain.actions import Action, choose_actions
from serving.explain.contributions import Explained, explain
from serving.explain.findings import theme_title
from serving.explain.language import DEFAULT
from serving.explain.meaning import Meaning
from serving.explain.playbook import Playbook, load_playbook
from serving.explain.quality import contradictions, lengths, readable, reading_grade
from serving.explain.reasons import MIN_SHARE, Reason, write_reasons
from serving.explain.themes import themes_of
from serving.explain.tiers import Tier, Tiers, make_tiers
from serving.explain.what_if import Manner, what_would_change
from serving.explain.wording import Writer, make_writers
from serving.settings import ServingSettings, TextSettings
from training.churn.dataset import churn_set
from training.churn.model import ChurnModel
from training.churn.pipeline import CHURN
from training.churn.split import groups
from training.lifecycle.gate import Fidelity
from training.lifecycle.runner import champion
from training.model import Context, Model

_TOP = 3
#: As many customers show whether reasons agree with the model.
_INSPECTED = 500


def evaluate_reasons(settings: Settings, report: Report = silent) -> dict[str, Any]:
    """Write the reasons of every customer of the test snapshots, and check each against the model.

    Returns
    -------
    `protocol`.

    `direction_agreement`: the share of sentences whose direction is that of the change in margin when the theme's
    features are those of typical customers, on average.

    `unexplained`: themes that the model contradicts get no sentence; how many, and the median customer's share of
    the explanation that has none.

    `top_three_share`: the median customer's share of the absolute explanation in the three strongest themes.

    `stability`: the median Jaccard index of those three today and a day later without an event.

    `missing_values`: sentences about themes without data, and how many of them do not say so.

    `additivity`: the largest distance between contributions plus base value and the margin.

    `what_if`: customers of high or medium risk, and for how many a way a tier down was found.

    `readable`, `actions`, `length`, `reading_grade`: see `serving.explain.quality`.

    Raises
    ------
    StateError, StoreError
        If there is no champion, it was trained on the test snapshots, or a store does not answer.
    """
    report(0.0, "champion")
    churn = champion(CHURN, settings)
    model, context, order_only = churn.artifact, churn.context, churn.version.order_only
    asked = churn_set(settings, context.store, context.split.test, model.attributes)
    rows = asked.rows(groups(context.split, asked.customers, asked.snapshots)["test"])
    rows.check("test")
    report(0.3, "sentences")
    moment = context.schedule.as_of
    tiers = make_tiers(settings, context.store, model, moment, order_only=order_only)
    today = _Customers.of(model, rows.columns, len(rows), tiers)
    tomorrow = _Customers.of(model, later(rows.columns, 1), len(rows), tiers)
    playbook, writers = load_playbook(settings[ServingSettings].playbook), make_writers(settings[TextSettings])
    sentences = _reasons(today.explained, playbook, writers[DEFAULT])
    next_day = _reasons(tomorrow.explained, playbook, writers[DEFAULT])
    report(0.7, "texts")
    texts = {
        language: today.texts(playbook, Manner(writer, moment, order_only)) for language, writer in writers.items()
    }
    english = texts[DEFAULT]
    return {
        "protocol": {
            "model": churn.version.label,
            "test_snapshots": [f"{t:%Y-%m-%d}" for t in context.split.test],
            "customers": len(rows),
            "themes": len({reason.theme for reasons in sentences for reason in reasons}),
        },
        "direction_agreement": agreement(model, today.inputs, sentences),
        "top_three_share": {
            "median": float(np.median([sum(reason.share for reason in some) for some in _strongest(sentences)]))
        },
        "unexplained": unexplained(today.explained, sentences),
        "stability": {"median_jaccard": float(np.median(jaccard(_top(sentences), _top(next_day))))},
        "missing_values": missing(model, today.inputs, sentences, writers[DEFAULT]),
        "additivity": additivity(model, today.inputs),
        "what_if": {"asked": sum(tier != "low" for tier in today.tiers), "found": len(english.changes)},
        "readable": readable(today.explained, sentences),
        "actions": contradictions(today.tiers, sentences, english.actions),
        "length": {language: lengths(some.all) for language, some in texts.items()},
        "reading_grade": {"flesch_kincaid": reading_grade(english.all)},
    }


@dataclass(frozen=True)
class _Texts:
    """All that readers of one language read about some customers: what each text is about, in this order."""

    reasons: list[str]
    risks: list[str]
    changes: list[str]
    actions: list[list[Action]]

    @property
    def all(self) -> list[str]:
        """Every text."""
        actions = [action.text for chosen in self.actions for action in chosen]
        return [*self.reasons, *self.risks, *self.changes, *actions]


@dataclass(frozen=True)
class _Customers:
    """The customers of the test snapshots, with what the model says of each, aligned with each other."""

    model: ChurnModel
    cuts: Tiers
    columns: Columns
    inputs: Floats
    explained: list[Explained]
    risks: list[float]
    tiers: list[Tier]

    @classmethod
    def of(cls, model: ChurnModel, columns: Columns, count: int, cuts: Tiers) -> Self:
        """Ask the model about customers, from their features."""
        inputs = model.inputs(columns, count)
        risks = model.risk(inputs).tolist()
        explained = explain(model, inputs, columns)
        return cls(model, cuts, columns, inputs, explained, risks, [cuts.of(risk) for risk in risks])

    def texts(self, playbook: Playbook, manner: Manner) -> _Texts:
        """Write everything about each customer."""
        writer = manner.writer
        reasons = _reasons(self.explained, playbook, writer)
        meaning = Meaning(self.model.definition, self.model.typical_risk, manner.order_only)
        return _Texts(
            reasons=[reason.text for listed in reasons for reason in listed],
            risks=[meaning.text(risk, tier, writer) for risk, tier in zip(self.risks, self.tiers, strict=True)],
            changes=self._changes(manner),
            actions=[
                choose_actions(listed, tier, playbook, writer) for listed, tier in zip(reasons, self.tiers, strict=True)
            ],
        )

    def _changes(self, manner: Manner) -> list[str]:
        """Return the what-ifs of the customers of high or medium risk for whom there is a way a tier down."""
        texts = []
        for place, (risk, tier) in enumerate(zip(self.risks, self.tiers, strict=True)):
            if tier != "low":
                values = {name: float(column[place]) for name, column in self.columns.items()}
                change = what_would_change(self.model, values, risk, self.cuts, manner)
                texts += [change.text] if change is not None else []
        return texts


def inspect_reasons(model: Model[Any], context: Context, artifact: object) -> Fidelity | None:
    """Measure the reasons of a version for the gate, on customers of the newest test snapshot; None without reasons."""
    del model
    if not isinstance(artifact, ChurnModel):
        return None
    settings = context.settings
    rows = churn_set(settings, context.store, context.split.test[-1:], artifact.attributes)
    drawn = np.zeros(len(rows), dtype=bool)
    drawn[np.random.default_rng(7).permutation(len(rows))[:_INSPECTED]] = True
    rows = rows.rows(drawn)
    inputs = artifact.inputs(rows.columns, len(rows))
    playbook = load_playbook(settings[ServingSettings].playbook)
    found = agreement(artifact, inputs, _reasons(explain(artifact, inputs, rows.columns), playbook, Writer(DEFAULT)))
    return Fidelity(found["value"], int(found["sentences"]))


def agreement(model: ChurnModel, inputs: Floats, sentences: Sequence[Sequence[Reason]]) -> dict[str, float]:
    """Compare each sentence's direction with what the model does with its theme as typical customers have it.

    Asks the model again rather than the code that chose the sentences, so that it notices if the two differ.
    """
    before = model.margin(inputs)
    features = {theme.name: theme.features for theme in themes_of(model.features)}
    agree = compared = 0
    for themes in sorted({tuple(reason.themes) for reasons in sentences for reason in reasons}):
        together = frozenset().union(*(features[theme] for theme in themes))
        places = [place for place, name in enumerate(model.features) if name in together]
        difference = before - np.mean([model.margin(_with(inputs, places, one)) for one in model.background], axis=0)
        for customer, reasons in enumerate(sentences):
            for reason in reasons:
                if tuple(reason.themes) == themes:
                    compared += 1
                    agree += (difference[customer] > 0) == (reason.direction == "raises") and difference[customer] != 0
    return {"value": agree / compared if compared else 1.0, "sentences": compared}


def _with(inputs: Floats, places: Sequence[int], other: Floats) -> Floats:
    """Return rows of inputs with another customer's values in some places."""
    replaced = inputs.copy()
    replaced[:, places] = other[places]
    return replaced


def unexplained(explained: Sequence[Explained], sentences: Sequence[Sequence[Reason]]) -> dict[str, float]:
    """Say how much goes without a sentence: the median share, and the sentences withheld as the model disagrees."""
    shares = [1 - sum(reason.share for reason in reasons) for reasons in sentences]
    withheld = 0
    for one in explained:
        whole = sum(abs(part.contribution) for part in one.parts.values()) or 1.0
        withheld += sum(not p.agrees and abs(p.contribution) >= MIN_SHARE * whole for p in one.parts.values())
    return {"median_share": float(np.median(shares)), "sentences_withheld": withheld}


def additivity(model: ChurnModel, inputs: Floats) -> dict[str, float]:
    """Return the largest distance between contributions plus base value and the margin."""
    return {"largest_error": float(np.abs(model.contributions(inputs).sum(axis=1) - model.margin(inputs)).max())}


def missing(model: ChurnModel, inputs: Floats, sentences: Sequence[Sequence[Reason]], writer: Writer) -> dict[str, int]:
    """Count the sentences of themes without data, and those that do not say so."""
    themes = themes_of(model.features)
    features = {theme.name: theme.features for theme in themes}
    names = {theme.name: theme_title(theme, writer) for theme in themes}
    about_nothing = hidden = 0
    for row, reasons in zip(inputs, sentences, strict=True):
        known = {name for name, value in zip(model.features, row.tolist(), strict=True) if not np.isnan(value)}
        for reason in reasons:
            theme = reason.themes[0]
            if features[theme] and not known & features[theme]:
                about_nothing += 1
                hidden += writer.say("fact.unknown", theme=names[theme]) not in reason.text
    return {"sentences": about_nothing, "shown_as_known": hidden}


def jaccard(one: Sequence[set[str]], other: Sequence[set[str]]) -> list[float]:
    """Return the Jaccard index of each pair of sets."""
    return [len(a & b) / len(a | b) if a | b else 1.0 for a, b in zip(one, other, strict=True)]


def _top(sentences: Sequence[Sequence[Reason]]) -> list[set[str]]:
    return [{reason.theme for reason in reasons} for reasons in _strongest(sentences)]


def _strongest(sentences: Sequence[Sequence[Reason]]) -> list[list[Reason]]:
    return [sorted(reasons, key=lambda reason: -reason.share)[:_TOP] for reasons in sentences]


def _reasons(explained: Sequence[Explained], playbook: Playbook, writer: Writer) -> list[list[Reason]]:
    return [write_reasons(one, writer, playbook.actionable) for one in explained]
