"""Decisions about customers by hand: what is ruled out, valued and chosen, within what is left of the limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StateError
from core.settings import Settings, StoreSettings
from features.contract.arrow import arrow_schema
from features.contract.tables import CONTRACT, contract_directory
from serving.decisions.decide import Decider
from serving.decisions.eligibility import RULED_OUT
from serving.decisions.interactions import Reserved
from serving.decisions.problem import NOTHING
from serving.decisions.solver import Prices
from serving.decisions.within import Decided, Limits
from serving.scoring.models import Loaded
from serving.scoring.score_table import ScoreTable
from serving.segments.population import Population
from serving.settings import DecisionSettings, default_settings
from tests.serving.decisions.shops import NOW, many, population
from tests.serving.decisions.test_effects import Expected, measured
from tests.serving.decisions.worlds import Row, ago, ingested, interaction, report
from training.effects.measured import save_effects

CALL = '[actions.call]\ngoal = "retain"\nchannel = "phone"\ncost = 4\nsaves = 0.2\n'
MAIL = '[actions.mail]\ngoal = "retain"\nchannel = "email"\ncost = 0.1\nsaves = 0.05\n'
POLICY = "[policy]\nholdout = 0\nmargin = 0.5\n"


@dataclass
class Shop:
    """A deployment with decisions, and nothing but contract tables."""

    folder: Path
    reserved: list[Reserved] = field(default_factory=list)
    champion: Loaded[Any] | None = None

    @property
    def settings(self) -> Settings:
        return default_settings(
            StoreSettings(data=self.folder), DecisionSettings(file=self.folder / "decisions.toml"), threads=1
        )

    @property
    def decider(self) -> Decider:
        table = ScoreTable(self.settings[StoreSettings], ())
        return Decider(self.settings, table, uplift=lambda: self.champion, reserved=lambda _: self.reserved)

    def defines(self, *tables: str) -> None:
        (self.folder / "decisions.toml").write_text("\n".join(tables))

    def decides(self, everybody: Population, **more: Any) -> Decided:
        return self.decider.decide_for(everybody, NOW, **more)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop that calls and mails, and has contacted nobody."""
    found = Shop(tmp_path)
    ingested(found.settings, [])
    found.defines(POLICY, CALL, MAIL)
    return found


def chosen(decided: Decided) -> list[str | None]:
    """Return the name of each customer's action."""
    return [None if place == NOTHING else decided.actions[place].name for place in decided.choice]


RISKY = {"risk": 0.5, "amount": 100.0}  # who stays spends 200, of which 100 are earned
LOYAL = {"risk": 0.02, "amount": 98.0}  # who stays spends 100, of which 50 are earned


def test_each_customer_gets_the_action_that_gains_most(shop: Shop) -> None:
    decided = shop.decides(population([RISKY, LOYAL, {"risk": 0.9, "amount": 0.3}, {}]))
    # by hand: 0.2 x 0.5 x 100 - 4 = 6 and 0.05 x 0.5 x 100 - 0.1 = 2.4; 0.05 x 0.02 x 50 < 0.1
    assert chosen(decided) == ["call", None, None, None]
    np.testing.assert_allclose(decided.worth.gain[0], [6, 2.4])
    assert decided.runner_up.tolist() == [1, NOTHING, NOTHING, NOTHING]
    assert decided.solution.total == pytest.approx(6)
    assert [one.source for one in decided.effects.sources] == ["assumed", "assumed"]
    # of the last customer no risk is known, so that nothing is valued
    assert np.isnan(decided.worth.gain[3]).all()
    assert decided.is_plan
    assert decided.versions["features"] == "made"


def test_the_policy_limits_the_budget_and_the_day(shop: Shop) -> None:
    shop.defines(POLICY + "budget = 4.2\ncapacity = {phone = 1}\n", CALL, MAIL)
    decided = shop.decides(population([RISKY] * 4))
    assert chosen(decided) == ["call", "mail", "mail", None]
    assert decided.limits == Limits(("call", "mail"), 4.2, {"phone": 1})
    assert decided.runner_up.tolist()[:3] == [1, 0, 0]


def test_contacts_of_the_last_day_take_from_the_capacity_of_the_day(shop: Shop) -> None:
    shop.defines(POLICY + "capacity = {phone = 3, email = 100}\n", CALL, MAIL)
    calls = [interaction(customer, "contact", days, channel="phone") for customer, days in (("c005", 0.5), ("c006", 3))]
    ingested(shop.settings, calls)
    report(shop.settings, [interaction("c007", "contact", 0.1, channel="phone")])
    decided = shop.decides(population([RISKY] * 8))
    assert decided.limits.capacity == {"phone": 1, "email": 100}
    assert chosen(decided).count("call") == 1
    shop.reserved.append(Reserved("c004", "phone", ago(0.2), "spring"))
    assert chosen(shop.decides(population([RISKY] * 8))).count("call") == 0


def test_of_some_customers_all_contacts_take_from_the_capacity(shop: Shop) -> None:
    shop.defines(POLICY + "capacity = {phone = 2}\n", CALL)
    ingested(shop.settings, [interaction("c000", "contact", 0.5, channel="phone")])
    decided = shop.decides(population([RISKY] * 4), customers=["c003", "c002", "nobody"])
    assert decided.population.customers == ["c002", "c003"]
    assert chosen(decided) == ["call", None]
    assert not decided.is_plan


def test_limits_stand_in_the_place_of_those_of_the_policy(shop: Shop) -> None:
    shop.defines(POLICY + "budget = 0\ncapacity = {phone = 0, email = 2}\n", CALL, MAIL)
    decided = shop.decides(population([RISKY] * 4), limits=Limits(budget=100, capacity={"phone": 1}))
    assert chosen(decided) == ["call", "mail", "mail", None]
    only = shop.decides(population([RISKY] * 3), limits=Limits(("mail",), 100))
    assert [action.name for action in only.actions] == ["mail"]
    assert chosen(only) == ["mail", "mail", None]
    assert not only.is_plan
    with pytest.raises(StateError, match="Expected actions among call, mail, found 'fax'"):
        shop.decides(population([RISKY]), limits=Limits(("fax",)))


def test_an_action_that_is_ruled_out_is_not_chosen_and_says_why(shop: Shop) -> None:
    shop.defines(
        POLICY + "caps = [{contacts = 1, days = 7}]\n", CALL + 'rule = {column = "city", equals = "Ulm"}\n', MAIL
    )
    report(shop.settings, [interaction("c001", "contact", 2, channel="email")])
    decided = shop.decides(population([RISKY, RISKY | {"city": "Ulm"}, RISKY | {"city": "Ulm"}]))
    assert chosen(decided) == ["mail", None, "call"]
    assert [[RULED_OUT[code] for code in row] for row in decided.eligibility.codes.tolist()] == [
        ["rule", "allowed"],
        ["cap", "cap"],
        ["allowed", "allowed"],
    ]


def test_of_equal_actions_the_one_with_the_higher_priority_is_chosen(shop: Shop) -> None:
    other = MAIL.replace("mail]", "other]").replace("email", "sms")
    shop.defines(POLICY, MAIL, other)
    assert chosen(shop.decides(population([RISKY]))) == ["mail"]
    shop.defines(POLICY, MAIL, other + "priority = 1\n")
    decided = shop.decides(population([RISKY]))
    assert (chosen(decided), decided.runner_up.tolist()) == (["other"], [0])


def test_measured_effects_count(shop: Shop) -> None:
    save_effects(shop.settings[StoreSettings], [measured(0.001, 0.001), measured(0.3, 0.1, action="mail")])
    decided = shop.decides(population([RISKY]))
    assert chosen(decided) == ["mail"]
    assert [one.source for one in decided.effects.sources] == ["measured", "measured"]
    assert decided.worth.low[0, 1] == pytest.approx((0.3 - 1.96 * 0.1) * 100 - 0.1)
    assert decided.versions["effects"]


def test_an_action_waits_for_its_moment(shop: Shop) -> None:
    moment = '[moments.complained]\nkind = "complaint"\nwithin_days = 3\n'
    shop.defines(POLICY, CALL + 'moments = ["complained"]\n', MAIL, moment)
    made = [interaction("c001", "complaint", 2.9), interaction("c002", "complaint", 3.1)]
    ingested(shop.settings, [{**row, "created_timestamp": row["event_timestamp"]} for row in made])
    folder = contract_directory(shop.settings[StoreSettings])
    for name in CONTRACT.keys() - {"interactions", "customers"}:
        pq.write_table(arrow_schema(name).empty_table(), folder / f"{name}.parquet")
    decided = shop.decides(population([RISKY] * 3))
    assert chosen(decided) == ["mail", "call", "mail"]
    assert RULED_OUT[decided.eligibility.codes[0, 0]] == "moment"


@dataclass(frozen=True)
class Oracle:
    """A fitted model that knows what a call changes: it keeps the first customer, and drives the second away."""

    def predict(self, columns: Mapping[str, Any], texts: Mapping[str, Any], rows: int) -> Mapping[str, Expected]:
        lift = np.linspace(0.3, -0.3, rows)
        base, revenue = np.full(rows, 0.5), np.full(rows, 50.0)
        return {"call": Expected(base, lift, lift - 0.05, lift + 0.05, revenue)}


@dataclass(frozen=True)
class Named:
    """A version of a model."""

    label: str = "uplift v7"


def test_the_uplift_champion_values_actions_where_no_risk_and_no_amount_is_known(shop: Shop) -> None:
    shop.defines(POLICY + "kept_windows = 3\n", CALL, MAIL)
    shop.champion = Loaded(Oracle(), Named())  # type: ignore[arg-type]
    decided = shop.decides(population([{}, {}]))
    # a customer who stays spends 50 in a window, of which half is earned, for three windows
    np.testing.assert_allclose(decided.worth.gain[:, 0], [0.3 * 75 - 4, -0.3 * 75 - 4])
    assert chosen(decided) == ["call", None]
    assert decided.effects.sources[0].label == decided.versions["uplift_model"] == "uplift v7"


def test_nothing_is_decided_where_nothing_is_known(shop: Shop) -> None:
    with pytest.raises(StateError, match="Run `encore scores`"):
        shop.decides(population([{}, {}]))
    assert shop.decides(population([])).choice.tolist() == []
    shop.defines("")
    assert chosen(shop.decides(population([RISKY]))) == [None]


def test_a_file_of_decisions_is_needed(tmp_path: Path) -> None:
    stores = StoreSettings(data=tmp_path)
    decider = Decider(default_settings(stores, threads=1), ScoreTable(stores, ()))
    with pytest.raises(StateError, match="none configured"):
        decider.decide_for(population([RISKY]), NOW)


def test_single_customers_are_answered_as_the_plan_has_them(shop: Shop) -> None:
    everybody = many(400)
    shop.defines(POLICY + "budget = 300\ncapacity = {phone = 20, email = 150}\n", CALL, MAIL)
    plan = shop.decides(everybody)
    same = 0
    for place in range(0, 400, 20):
        few = everybody.among(np.array([place, (place + 3) % 400]))
        contacts = shop.decider.contacts(few.customers, NOW)
        answer = shop.decider.answer(few, contacts, plan.solution.prices, NOW)
        assert not answer.is_plan
        np.testing.assert_array_equal(answer.worth.gain[0], plan.worth.gain[place])
        same += answer.choice[0] == plan.choice[place]
    # the prices decide all but those at the edge of the limits
    assert same >= 19


def test_without_a_plan_a_single_customer_gets_the_best_action(shop: Shop) -> None:
    few = population([RISKY, LOYAL])
    answer = shop.decider.answer(few, shop.decider.contacts(few.customers, NOW), Prices(), NOW)
    assert chosen(answer) == ["call", None]
    assert answer.runner_up.tolist() == [1, NOTHING]


POLICIES = st.fixed_dictionaries(
    {
        "budget": st.one_of(st.none(), st.floats(0, 40)),
        "phone": st.one_of(st.none(), st.integers(0, 6)),
        "cap": st.one_of(st.none(), st.integers(1, 2)),
        "cool_down": st.integers(0, 5),
    }
)
CONTACTED = st.lists(st.tuples(st.integers(0, 11), st.sampled_from(["phone", "email"]), st.floats(0.1, 9)), max_size=12)


@settings(max_examples=25, deadline=None)
@given(POLICIES, CONTACTED, st.lists(st.integers(0, 11), max_size=4, unique=True))
def test_consent_caps_capacity_and_budget_are_never_broken(
    tmp_path_factory: pytest.TempPathFactory,
    policy: Mapping[str, Any],
    contacted: Sequence[tuple[int, str, float]],
    withdrawn: Sequence[int],
) -> None:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    rows: list[Row] = [interaction(f"c{who:03}", "contact", days, channel=how) for who, how, days in contacted]
    rows += [interaction(f"c{who:03}", "consent", 1, value=0.0) for who in withdrawn]
    ingested(shop.settings, rows[::2])
    report(shop.settings, rows[1::2])
    lines = [POLICY, f"cool_down = {{contact_days = {policy['cool_down']}}}\n"]
    lines += [f"budget = {policy['budget']}\n"] if policy["budget"] is not None else []
    lines += [f"capacity = {{phone = {policy['phone']}}}\n"] if policy["phone"] is not None else []
    lines += [f"caps = [{{contacts = {policy['cap']}, days = 7}}]\n"] if policy["cap"] else []
    shop.defines("".join(lines), CALL, MAIL)
    decided = shop.decides(many(12))
    made = [name for name in chosen(decided) if name]
    cost = {"call": 4.0, "mail": 0.1}
    assert policy["budget"] is None or sum(cost[name] for name in made) <= policy["budget"] + 1e-9
    seen = {(who, how, days) for who, how, days in contacted}
    today = sum(how == "phone" and days <= 1 for _, how, days in seen)
    assert policy["phone"] is None or made.count("call") <= max(0, policy["phone"] - today)
    for place, name in enumerate(chosen(decided)):
        own = [days for who, _, days in seen if who == place]
        if name is not None:
            assert place not in withdrawn
            assert all(days >= policy["cool_down"] for days in own)
            assert not policy["cap"] or sum(days <= 7 for days in own) < policy["cap"]
