"""The value of decisions for the customers of past campaigns, where the truth is known."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from core.arrays import Columns, Floats
from core.errors import DataError, StateError
from core.settings import Settings, StoreSettings
from features.categories import Attributes, Texts
from features.contract.erased import Erased
from features.snapshots import Split
from features.store.feature_store import Store
from serving.cli import decide_value
from serving.cli.app import load
from serving.decisions.definitions import Decisions, decisions_of
from serving.decisions.logged import IGNORED, value_of
from serving.decisions.past import Past, read_past
from serving.scoring.part import Column
from serving.settings import DecisionSettings
from tests.contract_tables import written
from tests.serving.decisions.test_effects import measured
from tests.simulate_effects import COST, DISCOUNT, MARGIN, simulate
from training.effects.measured import save_effects
from training.effects.policy_value import PolicyValue
from training.uplift.action import ActionUplift
from training.uplift.experiment import Experiment, balanced
from training.uplift.fit import fit_action
from training.uplift.folds import folds_of
from training.uplift.model import UpliftModel
from training.uplift.settings import UpliftSettings

ASSIGNED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
SPLIT = Split((MIDNIGHT,), (MIDNIGHT,), (MIDNIGHT,), by_customers=True)
SCORED = (Column("risk", "number", ""), Column("amount", "number", ""), Column("tier", "text", ""))
CALM = {"column": "attribute_complaints_84d", "below": 1}


@dataclass
class Shop:
    """The shop whose effects are known, as contract tables and as features of the midnight before."""

    customers: int
    seed: int
    share: float = 0.5
    data: dict[str, np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        self.data = simulate(self.customers, self.seed, self.share, 1.0)
        self.ids = np.array([f"S{number:06}" for number in range(self.customers)], dtype=object)
        self.names = tuple(f"attribute_{name}" for name in list(self.data)[:11])

    def written(self, folder: Path, **more: Any) -> Settings:
        called = self.data["called"]
        arms = np.where(called, "call", "holdout").tolist()
        chance = np.where(called, self.share, 1 - self.share).tolist()
        rows = [
            {"customer_id": one, "campaign_id": "spring", "assigned_timestamp": ASSIGNED, "arm": arm}
            | {"propensity": p, "cost": COST if arm == "call" else None}
            | more
            for one, arm, p in zip(self.ids, arms, chance, strict=True)
        ]
        outcomes = [
            {"customer_id": one, "retained": bool(stayed), "revenue": revenue}
            for one, stayed, revenue in zip(
                self.ids, self.data["stayed"].tolist(), self.data["revenue"].tolist(), strict=True
            )
        ]
        return written(folder, assignments=rows, outcomes=outcomes)

    @property
    def features(self) -> pd.DataFrame:
        """The attributes of customers, which are texts as all attributes are."""
        columns = {f"attribute_{name}": self.data[name].astype(str) for name in list(self.data)[:11]}
        return pd.DataFrame({"customer_id": self.ids, **columns}).astype(object).set_index("customer_id")

    def point_in_time(self, service: object, entities: pd.DataFrame) -> pd.DataFrame:
        """Answer as a feature store does that knows each customer at one midnight."""
        assert service is UpliftSettings.service
        assert (entities["event_timestamp"] == MIDNIGHT).all()
        found = self.features.reindex(entities["customer_id"]).reset_index()
        return found.assign(event_timestamp=entities["event_timestamp"].to_numpy())

    def read(self, settings: Settings, margin: float | None = MARGIN, **more: Any) -> Past:
        return read_past(settings, cast(Store, self), SPLIT, SCORED, margin=margin, **more)

    def truth(self, called: np.ndarray) -> float:
        """The expected margin of a customer, less the cost of the calls."""
        revenue = self.data["value"] / (MARGIN * 3)
        stays = np.where(called, self.data["p_call"] * (1 - DISCOUNT), self.data["p_holdout"])
        return float(np.mean(MARGIN * revenue * stays - COST * called))

    @property
    def calm(self) -> np.ndarray:
        return np.asarray(self.data["complaints_84d"] == 0)

    def model(self) -> UpliftModel:
        called, ids = self.data["called"], self.ids
        inputs = np.column_stack([np.asarray(self.data[name], dtype="float64") for name in list(self.data)[:11]])
        weights = balanced(np.full(len(ids), "spring", dtype=object), called, np.where(called, 0.5, 0.5))
        stayed = self.data["stayed"].astype("float64")
        rows = Experiment("call", np.arange(len(ids)), ids, called, stayed, self.data["revenue"], weights)
        one = fit_action(rows, inputs, folds_of(ids, 5))
        return UpliftModel((one,), self.names, Attributes({}, self.names), 28, MIDNIGHT)


class Sure:
    """A model that expects every call to keep nearly everybody: then a rule alone decides, and predictions are bad."""

    def predict_unseen(self, columns: Columns, texts: Texts, customers: Sequence[str]) -> Mapping[str, ActionUplift]:
        del columns, texts
        every = np.ones(len(customers))
        return {"call": ActionUplift(0.3 * every, 0.6 * every, 0.5 * every, 0.7 * every, 100 * every)}


def loaded(model: Any) -> Any:
    return SimpleNamespace(artifact=model, version=SimpleNamespace(label="uplift v1"))


def decisions(rule: Any = None, **actions: Any) -> Decisions:
    call = {"goal": "retain", "channel": "phone", "cost": COST, "discount": DISCOUNT, "adds": 0.1}
    call |= {} if rule is None else {"rule": rule}
    tables = actions or {"call": call}
    return decisions_of({"policy": {"margin": MARGIN, "kept_windows": 3}, "actions": tables}, "test")


def covers(found: PolicyValue, truth: float) -> list[bool]:
    assert found.dr is not None
    return [one.low <= truth <= one.high for one in (found.ips, found.snips, found.dr)]


def test_intervals_cover_the_true_value_of_a_rule(tmp_path: Path) -> None:
    """Of the policy, of nobody, and of the gain over nobody; by outcomes from files and features point in time."""
    covered = []
    for seed in range(40):
        shop = Shop(600, seed)
        settings = shop.written(tmp_path / str(seed))
        found = value_of(settings, decisions(CALM), shop.read(settings), loaded(Sure()))
        assert found.chosen == {"call": shop.calm.sum(), "holdout": (~shop.calm).sum()}
        truth, nobody = shop.truth(shop.calm), shop.truth(np.zeros(shop.customers, dtype=bool))
        covered += [
            covers(found.values["decisions"], truth)
            + covers(found.values["nothing"], nobody)
            + covers(found.gains["nothing"], truth - nobody)
        ]
    assert found.measure == "margin"
    # the truth is that of the same customers, so that intervals for a population are rather too wide
    assert (np.mean(covered, axis=0) >= 0.9).all(), np.mean(covered, axis=0)


def test_the_champion_chooses_and_predicts_by_parts_that_did_not_see_the_customer(tmp_path: Path) -> None:
    shop = Shop(3000, 3)
    settings = shop.written(tmp_path)
    past, model = shop.read(settings), shop.model()
    found = value_of(settings, decisions(), past, loaded(model))
    numbers: dict[str, Floats] = {name: np.asarray(shop.data[name[10:]], dtype="float64") for name in shop.names}
    one = model.predict_unseen(numbers, {}, shop.ids)["call"]
    gain = one.lift * MARGIN * 3 * np.maximum(one.revenue, 0) - COST
    called = gain - DISCOUNT * np.maximum(one.revenue, 0) * (one.base + one.lift) > 0
    assert found.chosen == {"call": called.sum(), "holdout": (~called).sum()}
    assert found.model == "uplift v1"
    assert all(covers(found.values["decisions"], shop.truth(called)))
    ips, dr = found.values["decisions"].ips, found.values["decisions"].dr
    assert dr is not None
    assert dr.standard_error < 0.9 * ips.standard_error
    done = np.mean(MARGIN * shop.data["revenue"] - COST * shop.data["called"])
    assert found.values["done"].ips.value == pytest.approx(done)
    over = found.gains["done"].dr
    assert over is not None
    assert over.value == pytest.approx(dr.value - done)


def test_only_arms_that_could_be_drawn_are_chosen(tmp_path: Path) -> None:
    shop = Shop(200, 1)
    settings = shop.written(tmp_path, intended="mail")
    action = {"goal": "retain", "channel": "phone", "adds": 0.1}
    both = decisions(call=action, mail=action)
    past = shop.read(settings)
    assert not past.could_get("call").any()
    assert past.could_get("mail").all()
    found = value_of(settings, both, past, loaded(Sure()))
    assert set(found.chosen) <= {"mail", "holdout"}
    # the model is sure of calls
    assert found.limited > 0
    with pytest.raises(StateError, match="Expected an action that was drawn in a campaign"):
        value_of(settings, decisions(), past, loaded(Sure()))


def test_columns_of_rules_that_are_not_known_of_the_past_are_named(tmp_path: Path) -> None:
    shop = Shop(200, 1)
    settings = shop.written(tmp_path)
    rule = {"all": [{"column": "tier", "equals": "gold"}, {"column": "risk", "at_least": 0.1}, CALM]}
    found = value_of(settings, decisions(rule), shop.read(settings), loaded(Sure()))
    assert found.missing == ("tier",)
    assert found.chosen == {"holdout": 200}
    # nobody is at 1 - 0.3 = 0.7 or more without a contact, but for the risk that the model expects
    for least, calls in ((0.69, 200), (0.71, 0)):
        found = value_of(
            settings, decisions({"column": "risk", "at_least": least}), shop.read(settings), loaded(Sure())
        )
        assert found.chosen.get("call", 0) == calls
        assert found.missing == ()


def test_the_measure_is_the_first_that_is_known_of_all(tmp_path: Path) -> None:
    shop = Shop(300, 2)
    settings = shop.written(tmp_path)
    past = shop.read(settings, margin=None)
    found = value_of(settings, decisions(CALM), past, loaded(Sure()))
    assert found.measure == "revenue"
    assert found.values["done"].ips.value == pytest.approx(shop.data["revenue"].mean())


def test_without_a_model_nothing_is_doubly_robust(tmp_path: Path) -> None:
    shop = Shop(300, 2)
    settings = shop.written(tmp_path)
    with pytest.raises(StateError, match="Expected an uplift model"):
        value_of(settings, decisions(CALM), shop.read(settings), None)
    # an effect that was measured on sales of a known amount is a worth without a model
    sale = {"goal": "cross_sell", "channel": "phone", "adds": 0.1, "amount": 100.0, "rule": CALM}
    save_effects(settings[StoreSettings], [measured(0.2, 0.01, measure="orders")])
    found = value_of(settings, decisions(call=sale), shop.read(settings), None)
    assert found.model is None
    assert found.chosen["call"] == shop.calm.sum()
    assert found.values["decisions"].dr is None
    assert found.gains["nothing"].dr is None
    assert found.gains["nothing"].ips.known


def test_customers_who_are_being_erased_and_campaigns_without_propensities_are_left_out(tmp_path: Path) -> None:
    shop = Shop(300, 2)
    settings = shop.written(tmp_path)
    Erased(settings[StoreSettings]).add("S000007", ASSIGNED)
    past = shop.read(settings)
    assert len(past.assigned) == 299
    assert "S000007" not in past.population.customers
    unknown = shop.written(tmp_path / "unknown", propensity=None)
    with pytest.raises(DataError, match=r"found none among 300 assignments\. Campaign spring: 300 of 300"):
        shop.read(unknown)
    alike = unknown.replaced(UpliftSettings(propensities="equal"))
    called = shop.data["called"]
    shares = np.where(called, called.mean(), 1 - called.mean())
    assert shop.read(alike).assigned.propensity == pytest.approx(shares)
    with pytest.raises(StateError, match="campaign 'autumn'"):
        shop.read(settings, campaigns=["spring", "autumn"])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(300, 2)
    file = tmp_path / "decisions.toml"
    file.write_text(
        '[actions.call]\ngoal = "retain"\nchannel = "phone"\ncost = 0.6\nadds = 0.1\n'
        'rule = {column = "tier", equals = "gold"}\n[policy]\nmargin = 0.3\n'
    )
    settings = shop.written(tmp_path / "data").replaced(DecisionSettings(file=file))
    schedule = SimpleNamespace(splits={"uplift": SPLIT})
    monkeypatch.setattr(decide_value, "built_schedule", lambda _: (schedule, ""))
    monkeypatch.setattr(decide_value, "Store", lambda _: shop)
    monkeypatch.setattr(decide_value, "uplift_champion", lambda *_: loaded(Sure()))
    monkeypatch.setattr(decide_value, "PARTS", [SimpleNamespace(columns=SCORED)])

    def printed(*arguments: str) -> str:
        console = Console(width=200)
        with console.capture() as captured:
            context = SimpleNamespace(settings=settings, console=console, now=ASSIGNED)
            load("decide").main(["value", *arguments], obj=context, standalone_mode=False)
        return captured.get()

    body = json.loads(printed("--campaign", "spring", "--format", "json"))
    assert (body["assignments"], body["measure"], body["missing"]) == (300, "margin", ["tier"])
    done = body["values"]["done"]["ips"]
    text = " ".join(printed().split())
    assert f"{done['value']:,.3f} ({done['low']:,.3f} to {done['high']:,.3f})" in text
    assert IGNORED in text
    assert "conditions on them do not hold: tier." in text
    assert "kept customer for 3 windows" not in text
