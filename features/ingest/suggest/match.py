"""Which contract column a source's column is, by its name and by what it holds."""

from collections.abc import Mapping, Sequence

from features.contract.tables import CONTRACT, Column, TableName
from features.ingest.suggest.names import likeness
from features.ingest.suggest.profile import Profile

#: Names that fit less are no evidence.
_LIKE = 0.3


def assign(profiles: Mapping[str, Profile], tables: Sequence[TableName]) -> dict[str, Profile]:
    """Give each column of some tables the source column that fits it best by name, if its content can be it."""
    kinds = {column.name: column for name in tables for column in CONTRACT[name].columns}
    pairs = sorted(
        (
            (likeness(name, column), column, name)
            for name, profile in profiles.items()
            for column, contract in kinds.items()
            if column != "created_timestamp" and _can_be(profile, contract)
        ),
        key=lambda pair: (-pair[0], list(profiles).index(pair[2])),
    )
    chosen: dict[str, Profile] = {}
    used: set[str] = set()
    for like, column, name in pairs:
        if like >= _LIKE and column not in chosen and name not in used:
            chosen[column] = profiles[name]
            used.add(name)
    if "event_timestamp" in kinds and "event_timestamp" not in chosen:
        moments = [profile for profile in profiles.values() if profile.is_moment and profile.name not in used]
        if len(moments) == 1:
            chosen["event_timestamp"] = moments[0]
    return chosen


def _can_be(profile: Profile, column: Column) -> bool:
    if profile.filled == 0:
        return False
    if column.type == "DOUBLE":
        return profile.is_number and not (profile.is_moment and not profile.points)
    if column.type in {"TIMESTAMPTZ", "DATE"}:
        return profile.is_moment
    return True
