"""All customers as tables, for the command line, notebooks and pages."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.arrays import Floats
from serving.explain.wording import Writer
from serving.overview.everyone import Everyone, Moved
from training.evaluation.sheet import Sheet
from training.segments.matrix import FIELDS
from training.segments.movements import Movements
from training.segments.names import Names
from training.segments.pyramid import TIERS
from training.segments.rfm import GROUPS
from training.segments.stages import STAGES

#: Movements that are shown, the most frequent ones.
_MOST_MOVES = 12


def tables(everyone: Everyone, writer: Writer) -> list[Sheet]:
    """Return customers by tier, field, group and stage."""
    standing = everyone.standing
    sheets = []
    if everyone.tiers is not None and everyone.fields is not None:
        sheets += [
            _by("Value pyramid", "tier", "value_tier", TIERS, everyone.tiers, everyone, writer),
            _by("Value matrix", "field", "matrix", FIELDS, everyone.fields, everyone, writer),
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
    if everyone.tiers is not None and everyone.fields is not None:
        counted |= {"value_tier": (TIERS, everyone.tiers), "value_field": (FIELDS, everyone.fields)}
    return {
        "as_of": everyone.as_of,
        "customers": len(everyone.placed.customers),
        **{name: _counts(names, own, everyone) for name, (names, own) in counted.items()},
        "movements": {
            "since": moved.since,
            "rfm_group": moved.groups.rows(),
            "stage": moved.stages.rows(),
        },
    }


def _counts(names: Sequence[str], own: Names, everyone: Everyone) -> list[dict[str, Any]]:
    rows = []
    for name in names:
        members = own == name
        row: dict[str, Any] = {"name": name, "customers": int(members.sum())}
        if everyone.values is not None:
            row["amount"] = float(np.nansum(everyone.values.forecast.amount[members]))
            row["lifetime_value"] = float(np.nansum(everyone.values.worth.total[members]))
            row["value_at_risk"] = float(np.nansum(everyone.values.at_risk[members]))
        rows.append(row)
    return rows


def _by(
    title: str, column: str, kind: str, names: Sequence[str], own: Names, everyone: Everyone, writer: Writer
) -> Sheet:
    known = int((own != "").sum()) or 1
    values = everyone.values
    head = [column, "customers", "share"]
    if values is not None:
        head += ["expected amount", "lifetime value", "share of it", "value at risk"]
    rows = []
    for name in names:
        members = own == name
        row = [writer.say(f"{kind}.{name}"), f"{members.sum():,}", f"{members.sum() / known:.1%}"]
        if values is not None:
            row += [
                _money(values.forecast.amount[members], writer),
                _money(values.worth.total[members], writer),
                f"{np.nansum(values.worth.total[members]) / max(np.nansum(values.worth.total), 1e-9):.1%}",
                _money(values.at_risk[members], writer),
            ]
        rows.append(row)
    return Sheet(title, head, rows)


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
