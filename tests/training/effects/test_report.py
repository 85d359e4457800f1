"""Reports of campaigns made by hand: controls, verdicts, money, groups, and what is shown of them."""

import json
from typing import Any

import numpy as np
import pytest

from tests.training.effects.campaigns import START, assigned_of, outcomes_of, simulated, words
from training.effects import sequential, tables
from training.effects.attribution import Contacts, Purchases
from training.effects.difference import adjusted_difference
from training.effects.findings import LEAST
from training.effects.outcomes import Assigned, Measure, Outcomes
from training.effects.report import Beside, EffectReport, make_report


def _report(assigned: Assigned, outcomes: Outcomes, **options: Any) -> EffectReport:
    return make_report(assigned, outcomes, goal_measure="retained", days=28, **options)


def _drawn(chances: dict[str, float], count: int = 400, seed: int = 1) -> tuple[Assigned, Outcomes]:
    """Return a campaign with as many customers in each arm, who stay with the chance of their arm."""
    arms = [arm for arm in chances for _ in range(count)]
    chance = np.repeat(list(chances.values()), count)
    stayed = (np.random.default_rng(seed).random(len(arms)) < chance).astype("float64")
    costs = np.where(np.array(arms) == "holdout", 0.0, 0.5)
    return assigned_of(arms, cost=costs), outcomes_of({"retained": stayed, "margin": 10 * stayed})


def test_controls_are_the_holdout_of_the_same_campaign_and_intention() -> None:
    """Mails go to customers who stay more often: the holdout of both together would show an effect of the mail."""
    rng = np.random.default_rng(4)
    intended = rng.choice(["call", "mail"], 4000)
    campaigns = rng.choice(["autumn", "spring"], 4000)
    held = rng.random(4000) < 0.3
    stayed = (rng.random(4000) < np.where(intended == "mail", 0.8, 0.4)).astype("float64")
    arms = np.where(held, "holdout", intended)
    assigned = assigned_of(arms.tolist(), intended=intended.tolist(), campaigns=campaigns.tolist())
    report = _report(assigned, outcomes_of({"retained": stayed}))
    assert [arm.arm for arm in report.arms] == ["call", "mail"]
    assert report.campaigns == ("autumn", "spring")
    for arm in report.arms:
        parts, weights = [], []
        for campaign in report.campaigns:
            rows = (intended == arm.arm) & (campaigns == campaign)
            parts.append(stayed[rows & ~held].mean() - stayed[rows & held].mean())
            weights.append((rows & ~held).sum())
        assert arm.found["retained"].effect.value == pytest.approx(np.average(parts, weights=weights))
        assert (arm.customers, arm.controls) == (
            int((arms == arm.arm).sum()),
            int(((intended == arm.arm) & held).sum()),
        )
        assert arm.verdict == "no_effect_seen"
    values = [arm.found["retained"].effect.value for arm in report.arms]
    expected = np.average(values, weights=[arm.customers for arm in report.arms])
    assert report.total.found["retained"].effect.value == pytest.approx(expected)


def test_arms_that_were_drawn_for_everybody_share_the_holdout() -> None:
    assigned, outcomes = _drawn({"call": 0.5, "mail": 0.5, "holdout": 0.3})
    report = _report(assigned, outcomes)
    assert [arm.controls for arm in report.arms] == [400, 400]
    assert report.total.customers == 800
    stayed = outcomes.values["retained"]
    assert report.total.found["retained"].effect.value == pytest.approx(stayed[:800].mean() - stayed[800:].mean())


def test_differences_are_adjusted_to_the_time_before() -> None:
    assigned, outcomes, _ = simulated(1500, 1)
    found = _report(assigned, outcomes).arms[0].found
    before = outcomes.before
    pairs: tuple[tuple[Measure, Measure], ...] = (("orders", "revenue"), ("revenue", "orders"))
    for measure, other in pairs:
        covariates = np.column_stack([before[measure], before[other]])
        by_hand = adjusted_difference(outcomes.values[measure], assigned.arms == "call", covariates)
        assert vars(found[measure].effect) == pytest.approx(vars(by_hand))
    plain = adjusted_difference(outcomes.values["revenue"], assigned.arms == "call", np.zeros((1500, 0)))
    assert found["revenue"].effect.standard_error < 0.9 * plain.standard_error


@pytest.mark.parametrize(
    ("chance", "final", "verdict"),
    [
        (0.8, True, "effect"),
        (0.2, True, "harm"),
        (0.5, True, "no_effect_seen"),
        (0.5, False, "not_yet_known"),
        (0.8, False, "effect"),
    ],
)
def test_verdicts(chance: float, final: bool, verdict: str) -> None:
    report = _report(*_drawn({"call": chance, "holdout": 0.5}), final=final)
    assert report.arms[0].verdict == report.total.verdict == verdict
    assert (report.arms[0].needed_more == 0) == (verdict in ("effect", "harm"))


def test_the_interval_that_decides_is_corrected_for_arms_and_measures() -> None:
    """4 differences, each with its interval of 98.75 %; the wider interval includes 0 where the own one does not."""
    assigned, outcomes = _drawn({"call": 0.5, "mail": 0.5, "holdout": 0.5})
    revenue = np.zeros(1200)
    revenue[::2] = np.arange(600)
    report = _report(assigned, outcomes_of({"retained": outcomes.values["retained"], "revenue": revenue}))
    p_values = [one.effect.p_value for arm in report.arms for one in arm.found.values()]
    assert len(p_values) == 4
    for arm in report.arms:
        for one in arm.found.values():
            assert one.comparisons == 4
            assert one.high - one.effect.value == pytest.approx(one.effect.half_width(0.05 / 4))
            assert one.effect.p_value <= one.p_value <= min(1, 4 * one.effect.p_value)
    assert min(one.p_value for arm in report.arms for one in arm.found.values()) == pytest.approx(
        min(1, 4 * min(p_values))
    )


@pytest.mark.parametrize("options", [{"looks": 2}, {"final": False}])
def test_sequential_intervals_decide_where_somebody_looks_early(options: dict[str, Any]) -> None:
    assigned, outcomes = _drawn({"call": 0.6, "holdout": 0.5})
    known = np.arange(800) % 2 == 0
    half = Outcomes(known, outcomes.values, {})
    fixed = _report(assigned, half).arms[0]
    report = _report(assigned, half, **options)
    one = report.arms[0].found["retained"]
    assert report.decided_by == "sequential"
    assert one.effect == fixed.found["retained"].effect
    assert one.high - one.effect.value == pytest.approx(sequential.half_width(one.effect, 400, 800, 0.05 / 2))
    assert one.p_value > fixed.found["retained"].p_value
    assert "stay valid at every look" in report.checks[-1].text
    assert _report(assigned, half).decided_by == "fixed"


def test_too_few_customers_are_not_judged() -> None:
    """A holdout of 20 of 200: another 300 customers would make it 50."""
    arms = ["call"] * 180 + ["holdout"] * 20
    stayed = np.zeros(200)
    stayed[:170] = 1.0
    stayed[180] = 1.0
    arm = _report(assigned_of(arms), outcomes_of({"retained": stayed})).arms[0]
    assert arm.found["retained"].effect.low > 0.5
    assert (arm.verdict, arm.needed_more, arm.smallest_effect) == ("not_yet_known", 300, None)
    assert arm.money.margin is None


def test_no_control_at_all() -> None:
    arm = _report(assigned_of(["call"] * 80), outcomes_of({"retained": np.ones(80)})).arms[0]
    assert (arm.verdict, arm.needed_more) == ("not_yet_known", LEAST)


def test_nothing_is_known_yet() -> None:
    assigned, outcomes = _drawn({"call": 0.6, "holdout": 0.5})
    report = _report(assigned, Outcomes(np.zeros(800, dtype=bool), outcomes.values, {}), final=False)
    assert (report.known, report.arms[0].verdict, report.arms[0].found) == (0, "not_yet_known", {})
    json.dumps(report.as_json(), allow_nan=False)
    assert tables.sheets(report)


def test_as_many_more_as_the_difference_needs() -> None:
    """.55 against .50 of 400 each: (z of .9875 + z of .8)² x (.55 x .45 + .5 x .5) / .05² customers of a side."""
    stayed = np.hstack([np.arange(400) < 220, np.arange(400) < 200]).astype("float64")
    assigned = assigned_of(["call"] * 400 + ["holdout"] * 400)
    arm = _report(assigned, outcomes_of({"retained": stayed, "revenue": np.arange(800.0) % 7})).arms[0]
    side = (2.241403 + 0.841621) ** 2 * (0.55 * 0.45 + 0.25) / 0.05**2
    assert arm.needed_more == pytest.approx(2 * (side - 400), rel=0.005)
    assert arm.smallest_effect == pytest.approx((2.241403 + 0.841621) * np.sqrt((0.55 * 0.45 + 0.25) / 400), rel=0.002)


def test_money_by_hand() -> None:
    assigned, outcomes = _drawn({"call": 0.7, "holdout": 0.5})
    money = _report(assigned, outcomes).arms[0].money
    effect = adjusted_difference(outcomes.values["margin"], np.arange(400), np.zeros((800, 0)))
    assert money.cost == pytest.approx(200)
    assert money.margin is not None
    assert money.net is not None
    assert money.return_on_investment is not None
    expected = np.array([effect.value, effect.low, effect.high]) * 400
    for found, values in (
        (money.margin, expected),
        (money.net, expected - 200),
        (money.return_on_investment, (expected - 200) / 200),
    ):
        assert [found.value, found.low, found.high] == pytest.approx(values.tolist())


def test_costs_that_an_assignment_lacks_are_those_of_its_arm() -> None:
    assigned, outcomes = _drawn({"call": 0.7, "holdout": 0.5})
    assigned.cost[:100] = np.nan
    money = _report(assigned, outcomes, beside=Beside(costs={"call": 2.0})).arms[0].money
    assert money.cost == pytest.approx(300 * 0.5 + 100 * 2)
    unpriced = _report(assigned, outcomes).arms[0].money
    assert (unpriced.cost, unpriced.net, unpriced.return_on_investment) == (None, None, None)
    assert unpriced.margin is not None
    assigned.cost[:] = 0
    free = _report(assigned, outcomes).arms[0].money
    assert (free.cost, free.return_on_investment) == (0.0, None)


def test_a_measure_that_many_lack_is_left_out() -> None:
    """Margins are unknown where costs are, of customers who bought: the others would be compared."""
    assigned, outcomes = _drawn({"call": 0.7, "holdout": 0.5})
    values = dict(outcomes.values)
    values["margin"] = np.where(np.arange(800) % 10 == 0, np.nan, values["margin"])
    report = _report(assigned, outcomes_of(values))
    assert list(report.arms[0].found) == ["retained"]
    assert report.arms[0].money.margin is None


def test_groups_of_a_kind_are_one_family() -> None:
    assigned, outcomes = _drawn({"call": 0.7, "mail": 0.5, "holdout": 0.5})
    loyal = np.arange(1200) % 3 == 0
    few = np.arange(1200) % 40 == 0
    segments = {"loyal": loyal, "others": np.flatnonzero(~loyal), "few": few}
    report = _report(assigned, outcomes, beside=Beside(segments=segments, reasons={"silent": loyal}))
    call = report.arms[0]
    assert [(one.by, one.group) for one in call.groups] == [
        ("segment", "loyal"),
        ("segment", "others"),
        ("segment", "few"),
        ("reason", "silent"),
    ]
    stayed = outcomes.values["retained"]
    both = loyal & (assigned.arms != "mail")
    by_hand = adjusted_difference(stayed[both], assigned.arms[both] == "call", np.zeros((int(both.sum()), 0)))
    assert call.groups[0].found.effect == by_hand == call.groups[3].found.effect
    # two arms x two groups with enough customers; two arms x one reason
    assert [one.found.comparisons for one in call.groups] == [4, 4, 4, 2]
    assert [one.verdict for one in call.groups] == ["effect", "effect", "not_yet_known", "effect"]
    assert [one.verdict for one in report.arms[1].groups][:2] == ["no_effect_seen", "no_effect_seen"]


def _beside(count: int) -> Beside:
    """Return contacts of every second customer in the campaign, among them half the holdout, and some orders."""
    touched = np.arange(0, count, 2)
    contacts = Contacts(
        words([f"C{place}" for place in touched]),
        words(["spring"] * len(touched)),
        np.full(len(touched), START + np.timedelta64(1, "D")),
        words(["contact"] * len(touched)),
    )
    orders = Purchases(
        words(["C0", "C1", "C2", "C2"]),
        START + np.array([2, 2, 0, 40]) * np.timedelta64(1, "D"),
        np.array([10.0, 20.0, 30.0, 40.0]),
    )
    return Beside(contacts=contacts, purchases=orders)


def test_contacts_are_counted_and_orders_attributed() -> None:
    assigned, outcomes = _drawn({"call": 0.7, "holdout": 0.5})
    report = _report(assigned, outcomes, beside=_beside(800))
    assert report.arms[0].contacted == 200
    contamination = report.checks[1]
    assert (contamination.name, contamination.status, contamination.figures["share"]) == ("contamination", "alarm", 0.5)
    found = report.attribution
    assert found is not None
    # the order after 40 days lies outside the period; that of C2 came before its contact
    assert (found.orders, found.attributed_orders, found.attributed_amount) == (3, 1, 10.0)
    assert _report(assigned, outcomes).attribution is None


def test_checks_of_ratio_and_other_campaigns() -> None:
    assigned, outcomes = _drawn({"call": 0.7, "holdout": 0.5})
    assert [check.status for check in _report(assigned, outcomes).checks] == ["not_checked"] * 3 + ["ok"]
    numbers = vars(assigned) | {"propensity": np.where(assigned.arms == "call", 0.6, 0.4)}
    wrong = Assigned(**numbers)
    others = assigned_of(["mail"] * 400, campaigns=["summer"] * 400)
    checks = _report(wrong, outcomes, beside=Beside(others=others)).checks
    assert [(check.name, check.status) for check in checks] == [
        ("sample_ratio", "alarm"),
        ("contamination", "not_checked"),
        ("other_campaigns", "alarm"),
        ("looks", "ok"),
    ]
    notes = tables.sheets(_report(wrong, outcomes))[0].notes
    assert any("numbers they were drawn with" in note for note in notes)


def test_looks_say_where_an_early_reader_would_see_an_effect() -> None:
    arms = ["call"] * 400 + ["holdout"] * 400
    stayed = np.hstack([np.arange(400) < 230, np.arange(400) < 200]).astype("float64")
    report = _report(assigned_of(arms), outcomes_of({"retained": stayed}), looks=1)
    assert report.arms[0].found["retained"].effect.low > 0
    assert report.arms[0].verdict == "no_effect_seen"
    assert "without regard to looks" in report.checks[-1].text


def test_json_and_sheets_say_the_same() -> None:
    assigned, outcomes = _drawn({"call": 0.7, "mail": 0.5, "holdout": 0.5})
    segments = {"loyal": np.arange(1200) % 3 == 0, "few": np.arange(20)}
    assert [tables.verdict("not_yet_known", more) for more in (7, 9984, 0)] == [
        "not yet known, needs about 7 more",
        "not yet known, needs about 10,000 more",
        "not yet known",
    ]
    beside = Beside(segments=segments, contacts=_beside(1200).contacts, purchases=_beside(1200).purchases)
    report = _report(assigned, outcomes, beside=beside)
    written = json.loads(json.dumps(report.as_json(), allow_nan=False))
    call = written["arms"][0]
    assert (call["arm"], call["verdict"], written["decided_by"]) == ("call", "effect", "fixed")
    assert call["found"]["retained"]["effect"]["value"] == report.arms[0].found["retained"].effect.value
    assert call["groups"][1]["found"]["low"] is None
    verdicts, differences, groups, checks = tables.sheets(report)
    assert [row[0] for row in verdicts.rows] == ["call", "mail", "all actions"]
    assert verdicts.rows[0][3] == "effect"
    assert verdicts.rows[1][3].startswith("no effect seen; about ")
    effect = report.arms[0].found["retained"].effect
    assert differences.rows[0][:5] == (
        "call",
        "retained",
        f"{effect.mean:.1%}",
        f"{effect.control_mean:.1%}",
        f"{100 * effect.value:+.1f} points ({100 * effect.low:+.1f} to {100 * effect.high:+.1f})",
    )
    assert differences.rows[0][6] == "< 0.001"
    assert len(groups.rows) == 6
    assert [row[0] for row in checks.rows] == ["sample ratio", "contamination", "other campaigns", "looks"]
    assert any(note.startswith("Attribution, which is no effect: 33.3%") for note in verdicts.notes)


def test_the_order_of_assignments_does_not_matter() -> None:
    assigned, outcomes, _ = simulated(600, 3)
    order = np.random.default_rng(0).permutation(600)
    mixed = Outcomes(
        outcomes.known[order],
        {name: values[order] for name, values in outcomes.values.items()},
        {name: values[order] for name, values in outcomes.before.items()},
    )
    one, other = _report(assigned, outcomes), _report(assigned.rows(order), mixed)
    for measure, found in one.arms[0].found.items():
        assert vars(other.arms[0].found[measure].effect) == pytest.approx(vars(found.effect))


def test_outcomes_that_are_all_alike_say_nothing() -> None:
    """Nobody of 800 left: no number of customers is named, and tables have dashes."""
    report = _report(assigned_of(["call"] * 400 + ["holdout"] * 400), outcomes_of({"retained": np.ones(800)}))
    arm = report.arms[0]
    assert (arm.verdict, arm.needed_more, arm.smallest_effect) == ("not_yet_known", None, None)
    assert tables.sheets(report)[1].rows == [("call", "retained", "–", "–", "–", "–", "–")]


def test_p_values_have_three_decimals() -> None:
    report = _report(*_drawn({"call": 0.5, "holdout": 0.5}))
    rows = tables.sheets(report)[1].rows
    assert [row[6] for row in rows] == [f"{one.p_value:.3f}" for one in report.arms[0].found.values()]
