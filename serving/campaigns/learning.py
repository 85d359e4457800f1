"""The loop back: what campaigns have changed becomes the effect that the next decisions are made with.

Every campaign with assignments counts, also one that somebody else ran and that was imported. It is measured once, when
all of its outcomes are known: what is measured while they come in looks better on some days than it is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.settings import Settings, StoreSettings
from core.stamps import fingerprint, read_stamp
from features.contract.tables import contract_directory
from serving.campaigns.report import Asked, CampaignReport, assigned_of, beside_of, report_of
from serving.campaigns.store import CampaignStore
from serving.decisions.definitions import Decisions
from training.effects.measured import MeasuredEffect, effects_of, needs_more, pooled, save_effects
from training.effects.outcomes import Assigned, read_assigned
from training.effects.report import Beside
from training.evaluation.sheet import Sheet

#: The check of a report that says whether customers were drawn into the arms as planned.
_DRAWN = "sample_ratio"


@dataclass(frozen=True)
class Learned:
    """What was learned from all campaigns together.

    Attributes
    ----------
    effects
        By action, for all customers and by segment and reason; those of few customers too.
    measured
        Campaigns that count.
    waiting
        Campaigns whose outcomes are not all known yet.
    doubted
        Campaigns whose arms have other sizes than were drawn, so that customers in them are not alike.
    """

    effects: tuple[MeasuredEffect, ...]
    measured: tuple[str, ...]
    waiting: tuple[str, ...]
    doubted: tuple[str, ...]

    @property
    def text(self) -> str:
        """Say how many there are."""
        known = sum(one.by == "all" and one.measure == "retained" and not needs_more(one) for one in self.effects)
        parts = [f"Campaigns measured: {len(self.measured):,}"]
        parts.append(f"actions whose effect on retention is known: {known:,}")
        if self.waiting:
            parts.append(f"campaigns that wait for outcomes: {len(self.waiting):,}")
        if self.doubted:
            parts.append(f"left out, since their arms are not as drawn: {', '.join(self.doubted)}")
        return "; ".join(parts) + "."


def learn(settings: Settings, store: CampaignStore, decisions: Decisions | None) -> Learned:
    """Measure every campaign, and keep the effects in the place of those of before.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    StoreError
        If campaigns or the event log cannot be read.
    """
    effects: list[MeasuredEffect] = []
    names: dict[str, list[str]] = {"measured": [], "waiting": [], "doubted": []}
    for name, (assigned, beside) in _campaigns(settings, store).items():
        report = report_of(settings, assigned, Asked(), store.looks(name), beside, decisions)
        names[_verdict(report)].append(name)
        if _verdict(report) == "measured":
            effects += effects_of(report.effects)
    learned = Learned(tuple(pooled(effects)), *(tuple(names[kind]) for kind in ("measured", "waiting", "doubted")))
    save_effects(settings[StoreSettings], learned.effects)
    return learned


def made_from(settings: Settings, store: CampaignStore, decisions: Decisions | None) -> str | None:
    """Name what effects are learned from; None where no customer was ever assigned to a campaign."""
    stamp = read_stamp(contract_directory(settings[StoreSettings]))
    started = [kept.campaign.name for kept in store.all() if kept.started is not None]
    if not started and not stamp.get("rows", {}).get("assignments"):
        return None
    return fingerprint(stamp.get("fingerprint"), started, decisions.version if decisions else None)


def effects_sheet(effects: tuple[MeasuredEffect, ...]) -> Sheet:
    """Return what is measured as a table, the actions one after the other."""
    columns = ["action", "customers", "measure", "effect", "95 % interval", "with", "without", "state", "campaigns"]
    return Sheet("Measured effects", columns, [_row(one) for one in effects])


def as_json(effects: tuple[MeasuredEffect, ...]) -> list[dict[str, Any]]:
    """Return what is measured as JSON has it."""
    return [
        {
            "action": one.action,
            "by": one.by,
            "group": one.group or None,
            "measure": one.measure,
            "lift": one.lift,
            "low": one.low,
            "high": one.high,
            "customers": one.customers,
            "controls": one.controls,
            "needs_more": needs_more(one),
            "campaigns": list(one.campaigns),
        }
        for one in effects
    ]


def _campaigns(settings: Settings, store: CampaignStore) -> dict[str, tuple[Assigned, Beside]]:
    """Return the assignments of every campaign by name; of our own ones with segments and reasons at the start."""
    every = read_assigned(settings)
    found = {
        str(name): (every.rows(every.campaigns == name), Beside()) for name in np.unique(every.campaigns.astype(str))
    }
    for kept in store.all():
        if kept.started is not None:
            rows = store.assignments(kept.campaign.name)
            found[kept.campaign.name] = (assigned_of(kept, rows), beside_of(rows))
    return {name: one for name, one in sorted(found.items()) if len(one[0])}


def _verdict(report: CampaignReport) -> str:
    if not report.effects.final:
        return "waiting"
    alarmed = any(check.name == _DRAWN and check.status == "alarm" for check in report.effects.checks)
    return "doubted" if alarmed else "measured"


def _row(effect: MeasuredEffect) -> list[str]:
    missing = needs_more(effect)
    group = "all" if effect.by == "all" else f"{effect.by} {effect.group}"
    return [
        effect.action,
        group,
        effect.measure,
        f"{effect.lift:+.4g}",
        f"{effect.low:+.4g} to {effect.high:+.4g}",
        f"{effect.customers:,}",
        f"{effect.controls:,}",
        f"needs {missing:,} more" if missing else "measured",
        ", ".join(effect.campaigns),
    ]
