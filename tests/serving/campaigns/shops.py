"""A shop whose customers are made up; deciding, policy, stores and files are the real ones."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import Floats
from core.settings import Settings, StoreSettings
from features.store.materialized import Online
from serving.campaigns.claims import ClaimStore
from serving.campaigns.database import CampaignDatabase
from serving.campaigns.definition import Campaign
from serving.campaigns.service import Campaigns
from serving.campaigns.store import CampaignStore
from serving.decisions.decide import Decider
from serving.decisions.within import Valued
from serving.scoring.part import Column
from serving.scoring.score_table import ScoreTable
from serving.segments.columns import RuleColumn
from serving.segments.population import Population
from serving.segments.service import Segments, Source
from serving.settings import DecisionSettings
from tests.serving.decisions.worlds import DAY, NOW, ingested, settings_in

ONLINE = Online("first", NOW, True, frozenset(), 0, "")
_COLUMNS = {name: RuleColumn(name, "number", "scores") for name in ("risk", "amount")}
_COLUMNS["reason_1"] = RuleColumn("reason_1", "text", "scores")
CALL = {"goal": "retain", "channel": "phone", "cost": 4.0, "saves": 0.5}
MAIL = {"goal": "retain", "channel": "email", "cost": 0.5, "adds": 0.05}
WEEK = {"starts": NOW - DAY, "ends": NOW + 6 * DAY}


@dataclass
class Shop:
    """Customers with risks and forecasts, and what may be done for them."""

    settings: Settings
    customers: list[str]
    risk: Floats
    amount: Floats
    now: datetime = NOW
    #: Called before customers are read, as other processes do something meanwhile.
    meanwhile: list[Any] = field(default_factory=list)
    #: How often customers were read and valued.
    valued: int = 0

    @classmethod
    def of(
        cls,
        folder: Path,
        size: int = 40,
        policy: Mapping[str, Any] | None = None,
        actions: Mapping[str, Mapping[str, Any]] | None = None,
        webhook: str | None = None,
    ) -> "Shop":
        """Return a shop below a folder; the policy holds out nobody for good unless it says so."""
        file = folder / "decisions.toml"
        settings = settings_in(folder / "data").replaced(DecisionSettings(file=file, webhook=webhook))
        ingested(settings, [])
        customers = [f"c{place:03}" for place in range(size)]
        rng = np.random.default_rng(7)
        shop = cls(settings, customers, rng.uniform(0.05, 0.95, size), rng.uniform(50, 500, size))
        shop.decide_by(policy, actions)
        return shop

    def decide_by(
        self, policy: Mapping[str, Any] | None = None, actions: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """Write the file of decisions."""
        path = self.settings[DecisionSettings].file
        assert path is not None
        path.write_text(toml({"policy": {"holdout": 0, **(policy or {})}, "actions": actions or {"call": CALL}}))

    @property
    def population(self) -> Population:
        numbers = {"risk": self.risk, "amount": self.amount}
        texts = {"reason_1": np.array([None, "rhythm"] * len(self.customers), dtype=object)[: len(self.customers)]}
        return Population(self.customers, self.now, _COLUMNS, numbers, texts, "first")

    @property
    def source(self) -> Source:
        return Source(ONLINE, lambda _, customers: [None] * len(customers), self.now)

    @property
    def stores(self) -> StoreSettings:
        return self.settings[StoreSettings]

    def open(self) -> Campaigns:
        """Return the campaigns as another process would open them."""
        table = ScoreTable(self.stores, (Column("risk", "number", ""),))
        database = CampaignDatabase(self.stores)
        decider = _Decider(self.settings, table, reserved=ClaimStore(database, CampaignStore(database)).reserved)
        decider.shop = self
        segments = _Segments(self.settings, table, lambda: self.now)
        segments.shop = self
        return Campaigns(self.settings, segments, decider, database)

    def started(self, name: str = "spring", **more: Any) -> Campaigns:
        """Plan and start a campaign."""
        campaigns = self.open()
        campaigns.plan(campaign(name, **more), self.source, save=True)
        campaigns.start(name, self.source)
        return campaigns


class _Decider(Decider):
    shop: Shop

    def value(
        self,
        source: Source,
        now: datetime,
        *,
        customers: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
        campaigns_of: Mapping[str, frozenset[str]] | None = None,
    ) -> Valued:
        """Value actions for the made-up customers."""
        population = self.shop.population
        valued = self.value_for(population, now, customers=customers, actions=actions, campaigns_of=campaigns_of)
        self.shop.valued += 1
        if self.shop.meanwhile:
            self.shop.meanwhile.pop()()
        return valued


class _Segments(Segments):
    shop: Shop

    def _population(self, source: Source) -> Population:
        return self.shop.population


def campaign(name: str = "spring", **more: Any) -> Campaign:
    """Return a campaign of this week; it calls unless it says otherwise."""
    plain: dict[str, Any] = {"name": name, **WEEK, "holdout": 0.2}
    if "goal" not in more:
        plain["actions"] = ("call",)
    return Campaign.model_validate({**plain, **more})


def later(**time: float) -> datetime:
    """Return a moment after now."""
    return NOW + timedelta(**time)


def toml(tables: Mapping[str, Any]) -> str:
    """Write tables of plain values as TOML: JSON has the same numbers, texts and lists."""
    lines = [f"policy.{key} = {_inline(value)}" for key, value in tables["policy"].items()]
    for name, action in tables["actions"].items():
        lines += [f"actions.{name}.{key} = {_inline(value)}" for key, value in action.items()]
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_inline(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)
