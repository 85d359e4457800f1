"""All customers as tables, for the command line, notebooks and pages."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from core.arrays import Floats
from serving.explain.wording import Writer
from serving.overview.everyone import Everyone, EveryonesWorth, Moved
from serving.overview.summary import counted
from training.customer_value.acquisition import Acquired
from training.customer_value.shares import Concentration
from training.evaluation.sheet import Sheet
from training.segments.matrix import FIELDS
from training.segments.movements import Movements
from training.segments.names import Names
from training.segments.pyramid import TIERS
from training.segments.rfm import GROUPS
from training.segments.stages import STAGES

#: Movements that are shown, the most frequent ones.
_MOST_MOVES = 12
#: Months of first purchases that are shown, the latest ones.
_MOST_MONTHS = 24


def tables(everyone: Everyone, writer: Writer) -> list[Sheet]:
    """Return customers by tier, field, group and stage."""
    standing, worth = everyone.standing, everyone.worth
    sheets = []
    if worth is not None:
        sheets += [
            _by("Value pyramid", "tier", "value_tier", TIERS, worth.tiers, everyone, writer),
            _by("Value matrix", "field", "matrix", FIELDS, worth.fields, everyone, writer),
            *_earned(worth, writer),
            _acquired("Acquisition channels", "channel", worth.channels, writer),
            _acquired("Months of the first purchase", "month", worth.cohorts[-_MOST_MONTHS:], writer),
        ]
    sheets += [
        _by("Groups by recency, frequency and money", "group", "rfm", GROUPS, standing.rfm_group, everyone, writer),
        _by("Lifecycle stages", "stage", "stage", STAGES, standing.stage, everyone, writer),
    ]
    return sheets


def moved_tables(moved: Moved, writer: Writer) -> list[Sheet]:
    """Return the most frequent movements between groups, and between stages."""
    span = f"{moved.since:%Y-%m-%d} to {moved.until:%Y-%m-%d}"
    return [
        _moves(f"Movements between groups, {span}", "rfm", moved.groups, writer),
        _moves(f"Movements between stages, {span}", "stage", moved.stages, writer),
    ]


def plain(everyone: Everyone, moved: Moved) -> dict[str, Any]:
    """Return the same as plain values for JSON."""
    standing = everyone.standing
    counted = {"rfm_group": (GROUPS, standing.rfm_group), "stage": (STAGES, standing.stage)}
    worth = everyone.worth
    if worth is not None:
        counted |= {"value_tier": (TIERS, worth.tiers), "value_field": (FIELDS, worth.fields)}
    return {
        "as_of": everyone.as_of,
        "customers": len(everyone.placed.customers),
        **{name: _counts(names, own, everyone) for name, (names, own) in counted.items()},
        **({} if worth is None else _plain_worth(worth)),
        "movements": {
            "since": moved.since,
            "rfm_group": moved.groups.rows(),
            "stage": moved.stages.rows(),
        },
    }


def _counts(names: Sequence[str], own: Names, everyone: Everyone) -> list[dict[str, Any]]:
    rows = (asdict(one) for one in counted(names, own, everyone))
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _by(
    title: str, column: str, kind: str, names: Sequence[str], own: Names, everyone: Everyone, writer: Writer
) -> Sheet:
    known = int((own != "").sum()) or 1
    values = everyone.worth.values if everyone.worth else None
    head = [column, "customers", "share"]
    if values is not None:
        head += ["lifetime value", "share of it", "value at risk"]
    rows = []
    for name in names:
        members = own == name
        row = [writer.say(f"{kind}.{name}"), f"{members.sum():,}", f"{members.sum() / known:.1%}"]
        if values is not None:
            row += [
                _money(values.worth.total[members], writer),
                f"{np.nansum(values.worth.total[members]) / max(np.nansum(values.worth.total), 1e-9):.1%}",
                _money(values.at_risk[members], writer),
            ]
        rows.append(row)
    return Sheet(title, head, rows)


def _plain_worth(worth: EveryonesWorth) -> dict[str, Any]:
    return {
        "revenue_shares": _shares(worth.revenue),
        "lifetime_value_shares": _shares(worth.earned),
        "channels": list(worth.channels),
        "cohorts": list(worth.cohorts),
        "assumptions": list(worth.assumptions),
    }


def _shares(found: Concentration | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"deciles": found.deciles.tolist(), "best_fifth": found.best_fifth, "gini": found.gini}


def _earned(worth: EveryonesWorth, writer: Writer) -> list[Sheet]:
    """Return the shares of money by tenth of the customers, and what values are counted with."""
    kinds = {"revenue so far": worth.revenue, "lifetime value": worth.earned}
    known = {name: one for name, one in kinds.items() if one is not None}
    if not known:
        return []
    rows = [
        [str(place + 1), *(f"{one.deciles[place]:.1%}" for one in known.values())]
        for place in range(len(next(iter(known.values())).deciles))
    ]
    counted = ", ".join(f"{one.key} {one.value} ({one.source})" for one in worth.assumptions)
    best = " and ".join(f"{writer.percent(one.best_fifth)} of the {name}" for name, one in known.items())
    notes = (f"The best fifth brings {best}.", f"Lifetime values are counted with {counted}.")
    return [Sheet("Money by tenth of the customers, the best first", ["tenth", *known], rows, notes)]


def _acquired(title: str, column: str, found: Sequence[Acquired], writer: Writer) -> Sheet:
    rows = [
        [
            one.name or "unknown",
            f"{one.customers:,}",
            writer.money(one.acquisition_cost, cents=False),
            writer.money(one.clv, cents=False),
            "–" if one.clv_over_cost is None else f"{one.clv_over_cost:.1f}",
        ]
        for one in found
    ]
    return Sheet(title, [column, "customers", "acquisition cost", "lifetime value", "value over cost"], rows)


def _money(amounts: Floats, writer: Writer) -> str:
    return writer.money(float(np.nansum(amounts)), cents=False)


def _moves(title: str, kind: str, found: Movements, writer: Writer) -> Sheet:
    changed = [row for row in found.rows() if row["before"] != row["after"]]
    rows = [
        [_named(kind, str(row["before"]), writer), _named(kind, str(row["after"]), writer), f"{row['customers']:,}"]
        for row in changed[:_MOST_MOVES]
    ]
    stayed = int(sum(int(row["customers"]) for row in found.rows() if row["before"] == row["after"]))
    return Sheet(title, ["from", "to", "customers"], rows, (f"{stayed:,} customers stayed where they were.",))


def _named(kind: str, name: str, writer: Writer) -> str:
    return writer.say(f"{kind}.{name}") if writer.has(f"{kind}.{name}") else writer.say(f"movement.{name}")
