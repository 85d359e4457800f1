"""Effects that experiments have measured, by action: what the next decisions are made with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.settings import StoreSettings
from training.effects.outcomes import Measure
from training.effects.report import EffectReport

#: An action is measured from so many customers with it, and so many without it, on.
LEAST = 50


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
    by: Literal["all", "segment", "reason"]
    group: str
    measure: Measure
    lift: float
    low: float
    high: float
    customers: int
    controls: int
    campaigns: tuple[str, ...]


def effects_of(report: EffectReport) -> list[MeasuredEffect]:
    """Return what a report has found of each action, over all customers and in each group."""
    raise NotImplementedError


def pooled(effects: Sequence[MeasuredEffect]) -> list[MeasuredEffect]:
    """Combine effects of the same action, group and measure from different campaigns, weighted by inverse variance."""
    raise NotImplementedError


def needs_more(effect: MeasuredEffect) -> int:
    """Return how many customers, with or without the action, are missing until it counts as measured; 0 where it is."""
    raise NotImplementedError


def save_effects(stores: StoreSettings, effects: Sequence[MeasuredEffect]) -> None:
    """Replace what is kept in data/effects.json."""
    raise NotImplementedError


def load_effects(stores: StoreSettings) -> tuple[MeasuredEffect, ...]:
    """Return what is kept; nothing where nothing was measured yet."""
    raise NotImplementedError
