"""The report of a campaign: what came back, and what each arm changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from core.errors import DataError
from core.settings import Settings, StoreSettings
from core.sql import engine, relation
from features.contract.assigned import HOLDOUT
from features.engine.duckdb import connect, contract_file, read_sources
from features.spans.visible import purchases, standing
from serving.campaigns.allocation import Mask
from serving.campaigns.checks import check_text
from serving.campaigns.kept import Kept
from serving.campaigns.responses import by_arm, read_responses
from serving.decisions.definitions import Decisions
from serving.explain.wording import Writer
from training.effects.attribution import Purchases
from training.effects.findings import plain
from training.effects.outcomes import Assigned, Measure, read_assigned, read_outcomes
from training.effects.report import Beside, EffectReport, make_report
from training.effects.tables import sheets
from training.evaluation.sheet import Sheet

#: Names that an error lists at most.
_MOST_NAMED = 12
#: Days of outcomes from the assignment on, where nobody says another number.
DAYS = 28


@dataclass(frozen=True)
class CampaignReport:
    """What a campaign did.

    Attributes
    ----------
    responses
        By arm and kind, how many customers had one or more: contacts, openings, clicks, responses, redemptions,
        complaints.
    """

    effects: EffectReport
    responses: Mapping[str, Mapping[str, int]]

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON has it: None where a number is not known."""
        return {**self.effects.as_json(), "responses": plain(self.responses)}

    def sheets(self, writer: Writer | None = None) -> list[Sheet]:
        """Return everything as tables; checks are written by a writer, else in English."""
        write = (lambda check: check.text) if writer is None else partial(check_text, writer)
        return [responses_sheet(self.responses), *sheets(self.effects, write)]


@dataclass(frozen=True)
class Asked:
    """What a report is asked for.

    Attributes
    ----------
    days
        Outcomes are those of [assigned, assigned + days).
    measure
        Verdicts are given on it; None is what the goals of the actions say.
    """

    days: int = DAYS
    measure: Measure | None = None


def assigned_of(kept: Kept, rows: pd.DataFrame) -> Assigned:
    """Return the assignments of a campaign as the measurement of effects reads them."""
    moment = np.datetime64("NaT") if kept.started is None else np.datetime64(kept.started.replace(tzinfo=None), "us")
    texts = {name: rows[name].fillna("").to_numpy(dtype=object) for name in ("intended", "channel")}
    return Assigned(
        rows["customer_id"].to_numpy(dtype=object),
        np.full(len(rows), kept.campaign.name, dtype=object),
        rows["arm"].to_numpy(dtype=object),
        texts["intended"],
        texts["channel"],
        np.full(len(rows), moment),
        rows["propensity"].to_numpy(dtype=np.float64),
        rows["cost"].to_numpy(dtype=np.float64),
    )


def imported(settings: Settings, name: str) -> Assigned:
    """Return the assignments of a campaign that somebody else ran.

    Raises
    ------
    DataError
        If the contract table has none of this name.
    """
    assigned = read_assigned(settings, [name])
    if not len(assigned):
        there = sorted(set(read_assigned(settings).campaigns.tolist()))
        raise DataError(
            f"Expected assignments of the campaign {name!r} in the contract table, found "
            f"{', '.join(there[:_MOST_NAMED]) or 'none'}.",
            "Correct the name, or map its customers and arms to the table assignments and run `encore ingest`.",
        )
    return assigned


@dataclass(frozen=True)
class ImportedCampaign:
    """A campaign that somebody else ran, as the contract table has it.

    Attributes
    ----------
    first
        The first assignment.
    arms
        Customers by arm, the holdout among them.
    """

    name: str
    first: datetime
    arms: Mapping[str, int]

    @property
    def held_out(self) -> int:
        """Customers who are not contacted."""
        return self.arms.get(HOLDOUT, 0)

    @property
    def contacted(self) -> int:
        """Customers of all other arms."""
        return sum(self.arms.values()) - self.held_out


def imported_campaigns(settings: Settings) -> list[ImportedCampaign]:
    """Return every campaign with assignments in the contract table, by name; those of our own are there too.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    file = relation(contract_file(settings[StoreSettings], "assignments"))
    with engine(settings) as con:
        rows = con.execute(
            f"SELECT campaign_id, arm, count(*), min(epoch_us(assigned_timestamp)) FROM {file} "
            "GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    arms: dict[str, dict[str, int]] = {}
    firsts: dict[str, int] = {}
    for name, arm, count, first in rows:
        arms.setdefault(name, {})[arm] = count
        firsts[name] = min(first, firsts.get(name, first))
    return [
        ImportedCampaign(name, datetime.fromtimestamp(firsts[name] / 1e6, tz=UTC), counts)
        for name, counts in arms.items()
    ]


def groups_of(texts: "pd.Series[str]") -> dict[str, Mask]:
    """Return the rows by each of the names in texts of `serving.campaigns.kept.listed`."""
    lists = texts.fillna("").str.split(";")
    names = sorted({name for one in lists for name in one if name})
    return {name: np.array([name in one for one in lists], dtype=np.bool_) for name in names}


def beside_of(rows: pd.DataFrame) -> Beside:
    """Return the segments and main reasons that customers had at the start, from the assignments of a campaign."""
    reasons = {one: (rows["reason"] == one).to_numpy() for one in sorted(rows["reason"].dropna().unique())}
    return Beside(segments=groups_of(rows["segments"]), reasons=reasons)


def responses_sheet(responses: Mapping[str, Mapping[str, int]]) -> Sheet:
    """Return what came back of a campaign as a table."""
    kinds = list(next(iter(responses.values()), {}))
    rows = [[arm, *(f"{counts[kind]:,}" for kind in kinds)] for arm, counts in responses.items()]
    return Sheet("What came back, in customers", ["arm", *kinds], rows)


def report_of(
    settings: Settings, assigned: Assigned, asked: Asked, looks: int, groups: Beside, decisions: Decisions | None
) -> CampaignReport:
    """Measure what a campaign changed.

    Parameters
    ----------
    looks
        How often this was done before.
    groups
        Segments and reasons at the start.
    decisions
        Say which measure the goals are about, and the share of an amount that is earned; None where there are none.
    """
    margin = None if decisions is None else decisions.policy.margin
    outcomes = read_outcomes(settings, assigned, asked.days, margin)
    responses = read_responses(settings)
    names = set(assigned.campaigns)
    others = read_assigned(settings)
    beside = Beside(
        contacts=responses,
        purchases=_purchases(settings, assigned, asked.days),
        others=others.rows(np.array([one not in names for one in others.campaigns], dtype=np.bool_)),
        segments=groups.segments,
        reasons=groups.reasons,
    )
    effects = make_report(
        assigned,
        outcomes,
        goal_measure=asked.measure or _measure(assigned, decisions),
        days=asked.days,
        looks=looks,
        final=bool(np.all(outcomes.known)),
        beside=beside,
    )
    return CampaignReport(effects, by_arm(assigned, responses))


def _measure(assigned: Assigned, decisions: Decisions | None) -> Measure:
    """Return the measure of success: orders where every action sells, else who stays."""
    known = {} if decisions is None else decisions.actions
    arms = [known[arm].sells for arm in np.unique(assigned.arms.astype(str)) if arm in known]
    return "orders" if arms and all(arms) else "retained"


def _purchases(settings: Settings, assigned: Assigned, days: int) -> Purchases:
    """Return the orders of the assigned customers within their windows."""
    con = connect(settings)
    lines = standing(purchases(read_sources(con, settings[StoreSettings]).transactions))
    first, last = assigned.moments.min(), assigned.moments.max() + np.timedelta64(days, "D")
    inside = lines.filter(lines.event_timestamp >= _utc(first), lines.event_timestamp < _utc(last))
    orders = inside.group_by("customer_id", "order_id").agg(at=inside.event_timestamp.min(), amount=inside.amount.sum())
    found = con.to_pandas(orders)
    windows = pd.DataFrame({"customer_id": assigned.customers, "assigned": assigned.moments})
    joined = found.assign(at=found["at"].dt.tz_convert(None)).merge(windows, on="customer_id")
    ends = joined["assigned"] + pd.Timedelta(days=days)
    kept = joined[(joined["at"] >= joined["assigned"]) & (joined["at"] < ends)]
    kept = kept.drop_duplicates(["customer_id", "order_id"])
    return Purchases(
        kept["customer_id"].to_numpy(dtype=object),
        kept["at"].to_numpy(dtype="datetime64[us]"),
        kept["amount"].to_numpy(dtype=np.float64),
    )


def _utc(moment: np.datetime64) -> pd.Timestamp:
    return pd.Timestamp(moment).tz_localize("UTC")
