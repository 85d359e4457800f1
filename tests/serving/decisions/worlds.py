"""Interactions in contract tables and the event log, and what a policy says of them, one customer after the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from core.settings import Settings, StoreSettings
from core.stamps import write_stamp
from features.contract.arrow import arrow_schema
from features.contract.events import event_reader
from features.contract.tables import contract_directory
from features.live.log import EventLog
from serving.decisions.definitions import Decisions, decisions_of
from serving.decisions.eligibility import RULED_OUT
from serving.decisions.interactions import Reserved
from serving.decisions.policy import Policy, in_global_holdout
from serving.settings import default_settings

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Row = Mapping[str, Any]


def ago(days: float) -> datetime:
    """Return the moment some days before now."""
    return NOW - days * DAY


def settings_in(folder: Path) -> Settings:
    """Return settings whose data are in a folder."""
    return default_settings(StoreSettings(data=folder), threads=1)


def interaction(customer: str, kind: str, days_ago: float, **more: Any) -> Row:
    """Return an interaction, or the fields of an event of it."""
    return {"customer_id": customer, "kind": kind, "event_timestamp": ago(days_ago), **more}


def ingested(settings: Settings, interactions: Sequence[Row], customers: Sequence[Row] = (), events: int = 0) -> None:
    """Write the contract tables as an ingestion that saw a number of events would."""
    folder = contract_directory(settings[StoreSettings])
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.Table.from_pylist(list(interactions), arrow_schema("interactions")), folder / "interactions.parquet"
    )
    table = pa.Table.from_pylist(list(customers), arrow_schema("customers"))
    for name in dict.fromkeys(name for row in customers for name in row):
        if name not in table.column_names:
            table = table.append_column(name, pa.array([row.get(name) for row in customers]))
    pq.write_table(table, folder / "customers.parquet")
    write_stamp(folder, {"events": events})


def report(settings: Settings, rows: Iterable[Row], first: int = 1) -> None:
    """Let sources report events, numbered from `first` on; they are acknowledged when this returns."""
    events = [
        event_reader().validate_python({"event_id": f"event-{number}", **row}) for number, row in enumerate(rows, first)
    ]
    assert set(EventLog(settings[StoreSettings]).append(events, NOW, NOW)) <= {"accepted"}


def decisions(policy: Row | None = None, **actions: Row) -> Decisions:
    """Return decisions with a holdout of nobody, and actions that mail to retain unless they say otherwise."""
    plain = {"goal": "retain", "channel": "email", "adds": 0.1}
    tables = {name.replace("_", "-"): {**plain, **action} for name, action in (actions or {"mail": {}}).items()}
    moments = {name: {"kind": "silent"} for action in tables.values() for name in action.get("moments", [])}
    return decisions_of({"policy": {"holdout": 0, **(policy or {})}, "actions": tables, "moments": moments}, "test")


@dataclass(frozen=True)
class History:
    """What is stored about customers: rows of exports, acknowledged events, and reserved contacts."""

    exported: Sequence[Row] = ()
    logged: Sequence[Row] = ()
    reserved: Sequence[Reserved] = ()

    def of(self, customer: str, kind: str) -> list[Row]:
        """Return what happened to a customer, each thing once."""
        exported = [row for row in self.exported if _is(row, customer, kind)]
        keys = [_key(row) for row in exported]
        logged = [row for row in self.logged if _is(row, customer, kind) and _key(row) not in keys]
        return [row for row in exported if row["event_timestamp"] < NOW] + logged

    def contacts(self, customer: str) -> list[tuple[datetime, str | None]]:
        """Return the moment and the channel of each contact."""
        made = self.of(customer, "contact")
        found = [(row["event_timestamp"], row.get("channel")) for row in made]
        for campaign in {one.campaign for one in self.reserved}:
            own = [one for one in self.reserved if (one.customer_id, one.campaign) == (customer, campaign)]
            waiting = sorted(own, key=lambda one: one.at)
            for row in made:
                day_before = min((one.at for one in own), default=NOW) - DAY
                if waiting and row.get("campaign_id") == campaign and row["event_timestamp"] >= day_before:
                    waiting.pop(0)
            found += [(one.at, one.channel) for one in waiting]
        return found

    def consent(self, customer: str, channel: str) -> float | None:
        """Return the last answer about a channel; None without one."""
        answers = [row for row in self.of(customer, "consent") if row.get("channel") in {None, channel}]
        answers.sort(key=lambda row: (row["event_timestamp"], -row["value"]))
        return answers[-1]["value"] if answers else None


def _is(row: Row, customer: str, kind: str) -> bool:
    return bool(row["customer_id"] == customer and row["kind"] == kind)


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("kind", "event_timestamp", "channel", "campaign_id"))


def naive(policy: Policy, history: History, customer: str, channel: str, *, marketing: bool) -> str:
    """Say why a customer may not be contacted through a channel: the policy, read rule by rule."""
    broken = {"holdout"} if in_global_holdout(policy, customer) else set()
    if marketing:
        broken |= _of_marketing(policy, history, customer, channel)
    contacts = history.contacts(customer)
    if any(at + policy.cool_down.contact_days * DAY > NOW for at, _ in contacts):
        broken.add("contact")
    for cap in (cap for cap in policy.caps if cap.channel in {None, channel}):
        counted = [at for at, name in contacts if cap.channel in {None, name} and at >= NOW - cap.days * DAY]
        if len(counted) >= cap.contacts:
            broken.add("cap")
    return next((reason for reason in RULED_OUT if reason in broken), "allowed")


def _of_marketing(policy: Policy, history: History, customer: str, channel: str) -> set[str]:
    broken = set()
    answer = history.consent(customer, channel)
    if answer == 0:
        broken.add("consent_withdrawn")
    if answer is None and policy.ask == "required":
        broken.add("consent_missing")
    for kind, days in (("complaint", policy.cool_down.complaint_days), ("return", policy.cool_down.return_days)):
        if any(row["event_timestamp"] + days * DAY > NOW for row in history.of(customer, kind)):
            broken.add(kind)
    return broken
