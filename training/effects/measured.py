"""Effects that experiments have measured, by action: what the next decisions are made with."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from scipy.special import ndtri

from core.errors import StateError
from core.files import write_file
from core.settings import StoreSettings
from training.effects.difference import MISS, Effect
from training.effects.findings import LEAST
from training.effects.outcomes import Measure
from training.effects.report import EffectReport

Groups = Literal["all", "segment", "reason"]
#: Half the width of a 95 % interval in standard errors.
_NORMAL = float(ndtri(1 - MISS / 2))


@dataclass(frozen=True)
class MeasuredEffect:
    """What an action changed for customers of one group.

    Attributes
    ----------
    action
        Its name.
    by, group
        `all` with an empty group, or the name of a segment or of a reason.
    lift, low, high
        Difference for each customer, with its 95 % interval: points of probability for `retained`, otherwise orders or
        money in the window.
    customers, controls
        With the action, and without it.
    campaigns
        Where it was measured, in order.
    """

    action: str
    by: Groups
    group: str
    measure: Measure
    lift: float
    low: float
    high: float
    customers: int
    controls: int
    campaigns: tuple[str, ...]

    @property
    def variance(self) -> float:
        """Squared standard error, from the width of the interval."""
        return float(((self.high - self.low) / 2 / _NORMAL) ** 2)


def effects_of(report: EffectReport) -> list[MeasuredEffect]:
    """Return what a report has found of each action: over all customers on every measure, in groups on the goal's.

    Nothing of a report that is not final: what is stopped where it looks good looks better than it is.
    """
    if not report.final:
        return []
    found = []
    for arm in report.arms:
        parts: list[tuple[Groups, str, Measure, Effect]] = [
            ("all", "", measure, one.effect) for measure, one in arm.found.items()
        ]
        parts += [(one.by, one.group, report.goal_measure, one.found.effect) for one in arm.groups]
        found += [
            MeasuredEffect(
                action=arm.arm,
                by=by,
                group=group,
                measure=measure,
                lift=effect.value,
                low=effect.low,
                high=effect.high,
                customers=effect.customers,
                controls=effect.controls,
                campaigns=report.campaigns,
            )
            for by, group, measure, effect in parts
            if effect.known
        ]
    return found


def pooled(effects: Iterable[MeasuredEffect]) -> list[MeasuredEffect]:
    """Combine the effects of the same action, group and measure from different campaigns, in the order of these.

    Each campaign counts by the inverse of its variance, as if the effect were the same in all of them (Cochran, The
    combination of estimates from different experiments, Biometrics 1954).
    """
    together: dict[tuple[str, str, str, str], list[MeasuredEffect]] = {}
    for one in effects:
        together.setdefault((one.action, one.by, one.group, one.measure), []).append(one)
    return [_combined(together[key]) for key in sorted(together)]


def _combined(effects: Sequence[MeasuredEffect]) -> MeasuredEffect:
    if len(effects) == 1:
        return effects[0]
    weights = [1 / one.variance for one in effects]
    lift = sum(weight * one.lift for weight, one in zip(weights, effects, strict=True)) / sum(weights)
    reach = _NORMAL / math.sqrt(sum(weights))
    return replace(
        effects[0],
        lift=lift,
        low=lift - reach,
        high=lift + reach,
        customers=sum(one.customers for one in effects),
        controls=sum(one.controls for one in effects),
        campaigns=tuple(sorted({name for one in effects for name in one.campaigns})),
    )


def needs_more(effect: MeasuredEffect) -> int:
    """Return how many customers, with or without the action, are missing until it counts as measured; 0 where it is."""
    return max(0, LEAST - effect.customers) + max(0, LEAST - effect.controls)


def save_effects(stores: StoreSettings, effects: Sequence[MeasuredEffect]) -> None:
    """Replace what is kept in data/effects.json, as a whole."""
    content = {"effects": [asdict(one) for one in effects]}
    write_file(_path(stores), (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def load_effects(stores: StoreSettings) -> tuple[MeasuredEffect, ...]:
    """Return what is kept; nothing where nothing was measured yet.

    Raises
    ------
    StateError
        If the file is not what `save_effects` writes.
    """
    path = _path(stores)
    if not path.exists():
        return ()
    try:
        rows = json.loads(path.read_bytes())["effects"]
        return tuple(MeasuredEffect(**{**row, "campaigns": tuple(row["campaigns"])}) for row in rows)
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{path} should hold measured effects, and cannot be read: {error}.",
            "Remove it; `encore refresh` measures the effects of all campaigns again.",
        ) from error


def _path(stores: StoreSettings) -> Path:
    return stores.data / "effects.json"
