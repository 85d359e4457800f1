"""Alerts: once when a figure leaves its limits, once when it is back. They hold figures, and nothing of a customer."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from math import isnan
from typing import Any, Literal
from uuid import uuid4

import structlog

from core.errors import StoreError
from core.files import write_file
from core.locks import locked
from core.settings import Settings, StoreSettings
from core.webhook import UndeliveredError
from training.monitoring.figures import Figure
from training.monitoring.history import usual
from training.monitoring.settings import AlertRule, AlertSettings, Measure
from training.monitoring.sinks import Sink, sinks_of

#: Messages that wait at most for a sink; the oldest are dropped.
_MOST_WAITING = 200
_log = structlog.get_logger(__name__)
#: How a figure is called in a sentence, and how it is written.
_WORDS: dict[Measure, tuple[str, str]] = {
    "high_risk_share": ("Share of customers at high risk", "{:.1%}"),
    "value_at_risk": ("Value at risk (risk times the amount of 91 days)", "{:,.0f}"),
    "calibration_error": ("Calibration error of the last known week", "{:.3f}"),
    "nps": ("Net promoter score of four weeks", "{:.0f}"),
    "nps_fall": ("Fall of the net promoter score in four weeks", "{:.0f}"),
    "returns_share": ("Returns per order of four weeks", "{:.1%}"),
    "order_lines": ("Order lines of seven days", "{:,.0f}"),
    "feature_age_hours": ("Age of the features in hours", "{:.0f}"),
    "drift": ("Models that have drifted", "{:.0f}"),
}


@dataclass(frozen=True)
class Judged:
    """A rule beside its figure.

    Attributes
    ----------
    value
        None where it is not known, or has too few earlier figures to be compared with; nothing changes then.
    low, high
        The limits; None on a side without one.
    text
        A sentence.
    """

    rule: str
    measure: Measure
    value: float | None
    low: float | None
    high: float | None
    text: str

    @property
    def outside(self) -> bool | None:
        """Whether the figure is outside its limits; None where that is not known."""
        if self.value is None:
            return None
        return (self.low is not None and self.value < self.low) or (self.high is not None and self.value > self.high)


@dataclass(frozen=True)
class Message:
    """What a sink gets.

    Attributes
    ----------
    id
        Differs between messages; a message that is sent again has the same.
    since
        When the figure was first seen outside its limits.
    """

    id: str
    alert: str
    status: Literal["open", "recovered"]
    measure: str
    value: float
    text: str
    since: str
    at: str


@dataclass(frozen=True)
class Sent:
    """What a run did with alerts.

    Attributes
    ----------
    messages
        New ones.
    open
        Names of the rules whose figures are outside their limits, with the moment since when.
    problems
        Why messages could not be delivered; they wait for the next run.
    """

    messages: tuple[Message, ...]
    open: dict[str, str]
    problems: tuple[str, ...] = ()


@dataclass
class _State:
    """What is kept between runs: open alerts by rule with the moment since when, and messages that wait by sink."""

    open: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def judge(rules: Sequence[AlertRule], figures: Sequence[Figure]) -> list[Judged]:
    """Compare each rule's figure with its limits; rules without a figure are left out."""
    known = {figure.measure: figure for figure in figures}
    return [_judge(rule, known[rule.measure]) for rule in rules if rule.measure in known]


def alert(settings: Settings, judged: Sequence[Judged], now: datetime, *, dry_run: bool = False) -> Sent:
    """Send a message for each alert that begins or ends, and those that could not be sent before.

    A message is written down before it is sent, so that a run which is killed sends it again, with the same id.

    Parameters
    ----------
    dry_run
        Send nothing and keep nothing; return what would be sent.

    Raises
    ------
    StoreError
        If the state of earlier runs cannot be read.
    """
    path = settings[StoreSettings].data / "alerts.json"
    with locked(path.with_suffix(".lock")):
        state = _read(settings)
        messages = _step(state, judged, now)
        if dry_run:
            return Sent(tuple(messages), dict(state.open))
        sinks = sinks_of(settings[AlertSettings])
        for sink in sinks:
            waiting = [*state.waiting.get(sink.name, []), *map(asdict, messages)]
            state.waiting[sink.name] = waiting[-_MOST_WAITING:]
        state.waiting = {sink.name: state.waiting[sink.name] for sink in sinks}
        for one in messages:
            _log.warning("alert", **asdict(one))
        _write(settings, state)
        problems = [problem for sink in sinks if (problem := _deliver(sink, state.waiting[sink.name])) is not None]
        _write(settings, state)
    return Sent(tuple(messages), dict(state.open), tuple(problems))


def _judge(rule: AlertRule, figure: Figure) -> Judged:
    title, form = _WORDS[rule.measure]
    low, high, expected = rule.below, rule.above, "limits"
    known = not isnan(figure.value)
    if rule.spreads is not None:
        normal = usual(figure.history, rule.spreads)
        known = known and normal is not None
        low, high, expected = (None, None, "usual") if normal is None else (normal.low, normal.high, "usual")
    if not known:
        why = "not known" if isnan(figure.value) else f"{form.format(figure.value)}, with too few earlier figures"
        return Judged(rule.name, rule.measure, None, low, high, f"{title}: {why}.")
    ends = " to ".join(form.format(end) for end in (low, high) if end is not None)
    side = "" if low is not None and high is not None else ("at least " if low is not None else "at most ")
    text = f"{title}: {form.format(figure.value)}; {expected}: {side}{ends}."
    return Judged(rule.name, rule.measure, figure.value, low, high, text)


def _step(state: _State, judged: Sequence[Judged], now: datetime) -> list[Message]:
    """Open and close alerts; return a message for each change. Rules that are gone are closed without one."""
    messages = []
    names = {one.rule for one in judged}
    state.open = {name: since for name, since in state.open.items() if name in names}
    for one in judged:
        was = state.open.get(one.rule)
        if one.value is None or one.outside == (was is not None):
            continue
        since = was or now.isoformat(timespec="seconds")
        status: Literal["open", "recovered"] = "open" if one.outside else "recovered"
        at = now.isoformat(timespec="seconds")
        messages.append(Message(uuid4().hex, one.rule, status, one.measure, one.value, one.text, since, at))
        if one.outside:
            state.open[one.rule] = since
        else:
            del state.open[one.rule]
    return messages


def _deliver(sink: Sink, waiting: list[dict[str, Any]]) -> str | None:
    """Send messages in their order, and take those that were sent out of the list; return why one was not."""
    while waiting:
        try:
            sink.send(waiting[0])
        except UndeliveredError as error:
            return f"{len(waiting)} alerts wait for {sink.name}: {error}."
        del waiting[0]
    return None


def _read(settings: Settings) -> _State:
    path = settings[StoreSettings].data / "alerts.json"
    try:
        return _State(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return _State()
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"Expected the state of alerts in {path}, found what cannot be read.",
            "Remove the file; alerts that are open are sent once more.",
        ) from error


def _write(settings: Settings, state: _State) -> None:
    write_file(settings[StoreSettings].data / "alerts.json", json.dumps(asdict(state), indent=1).encode())
