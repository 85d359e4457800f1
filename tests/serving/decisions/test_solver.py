"""The choice for all customers: near the optimum, within the limits, the same every time."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from core.arrays import Floats, Ints
from serving.decisions import exact
from serving.decisions.problem import NOTHING
from serving.decisions.solver import Prices, Solution, solve


@dataclass(frozen=True)
class Case:
    """A choice to make."""

    gains: Floats
    costs: Floats
    channels: tuple[str, ...]
    allowed: npt.NDArray[np.bool_]
    budget: float | None
    capacity: Mapping[str, int]

    def solve(self) -> Solution:
        return solve(self.gains, self.costs, self.channels, self.allowed, self.budget, self.capacity)

    def gain(self, choice: Ints) -> float:
        return float(sum(self.gains[row, place] for row, place in enumerate(choice) if place >= 0))

    def keeps_limits(self, choice: Ints) -> bool:
        """Count in a plain way."""
        cost = sum(self.costs[row, place] for row, place in enumerate(choice) if place >= 0)
        contacts = [self.channels[place] for place in choice if place >= 0]
        within = all(contacts.count(channel) <= most for channel, most in self.capacity.items())
        return within and (self.budget is None or cost <= self.budget + 1e-9 * max(1.0, self.budget))


def shop(customers: int, seed: int, *, share: float = 0.05) -> Case:
    """A shop in which few customers are worth a call; money and calls are short."""
    rng = np.random.default_rng(seed)
    channels = ("phone", "email", "sms", "email", "post", "app")
    risk, value = rng.beta(1.2, 4, customers), rng.lognormal(4, 1, customers)
    keeps = np.array([0.12, 0.03, 0.04, 0.05, 0.06, 0.02]) * rng.uniform(0.5, 1.5, (customers, 6))
    contact, discount = np.array([4, 0.05, 0.2, 0.05, 1.2, 0.01]), np.array([0, 0, 0, 0.1, 0.05, 0])
    costs = contact + discount * value[:, None] * 0.3 * (1 - risk[:, None])
    gains = keeps * risk[:, None] * value[:, None] - costs
    capacity = {"phone": max(1, customers // 250), "email": customers // 10, "sms": customers // 20}
    return Case(gains, costs, channels, rng.random((customers, 6)) < 0.8, share * customers, capacity)


def optimum(case: Case) -> float:
    """Return the best total by trying everything."""
    rows, actions = case.gains.shape
    choices = (np.array(one) for one in product(range(-1, actions), repeat=rows))
    options = case.allowed & (case.gains > 0)
    possible = (
        choice
        for choice in choices
        if all(place < 0 or options[row, place] for row, place in enumerate(choice)) and case.keeps_limits(choice)
    )
    return max(case.gain(choice) for choice in possible)


amounts = st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0, 2.5, 7.0])


@st.composite
def cases(draw: st.DrawFn, most: int = 12) -> Case:
    """Draw choices with many equal amounts, limits that bind or not, gains below 0 and missing ones."""
    rows, actions = draw(st.integers(1, most)), draw(st.integers(1, 3))
    cells = rows * actions
    gain = st.one_of(amounts, st.floats(-5, 20), st.just(float("nan")))
    gains = np.array(draw(st.lists(gain, min_size=cells, max_size=cells))).reshape(rows, actions)
    costs = np.array(draw(st.lists(st.one_of(amounts, st.floats(0, 9)), min_size=cells, max_size=cells)))
    allowed = np.array(draw(st.lists(st.booleans(), min_size=cells, max_size=cells))).reshape(rows, actions)
    channels = tuple(draw(st.lists(st.sampled_from(["phone", "email"]), min_size=actions, max_size=actions)))
    budget = draw(st.one_of(st.none(), amounts, st.floats(0, 30)))
    capacity = draw(st.dictionaries(st.sampled_from(["phone", "email", "post"]), st.integers(0, 5)))
    return Case(gains, costs.reshape(rows, actions), channels, allowed, budget, capacity)


@given(cases())
def test_limits_are_kept_and_nothing_is_done_that_does_not_gain(case: Case) -> None:
    solution = case.solve()
    assert case.keeps_limits(solution.choice)
    for row, place in enumerate(solution.choice):
        assert place == NOTHING or (case.allowed[row, place] and case.gains[row, place] > 0)
    assert solution.total == pytest.approx(case.gain(solution.choice))
    assert solution.bound >= solution.total


@settings(max_examples=60, deadline=None)
@given(cases(most=5))
@example(Case(np.array([[7.0], [1.0]]), np.array([[5e-324], [2.5]]), ("email",), np.ones((2, 1), dtype=bool), 2.0, {}))
def test_few_customers_get_the_best_choice_of_all(case: Case) -> None:
    solution, best = case.solve(), optimum(case)
    assert solution.total == pytest.approx(best, rel=1e-5, abs=1e-5)
    assert solution.bound >= best - 1e-6 * max(1.0, best)


@pytest.mark.parametrize("customers", [40, 200, 350, 900])
def test_the_total_is_within_one_percent_of_the_optimum(customers: int) -> None:
    for seed in range(4):
        case = shop(customers, seed)
        solution, best = case.solve(), highs(case)
        assert case.keeps_limits(solution.choice)
        assert 0.99 * best <= solution.total <= best * (1 + 1e-6)
        assert best <= solution.bound * (1 + 1e-6)


def highs(case: Case) -> float:
    """Return the best total by HiGHS, from a program that is written another way: every cell is a variable."""
    rows, actions = case.gains.shape
    cells = np.arange(rows * actions).reshape(rows, actions)
    limits = [(np.isin(np.arange(cells.size), cells[row]).astype(float), 1.0) for row in range(rows)]
    limits.append((case.costs.ravel(), np.inf if case.budget is None else case.budget))
    for channel, most in case.capacity.items():
        uses = np.tile([1.0 if one == channel else 0.0 for one in case.channels], rows)
        limits.append((uses, float(most)))
    matrix, most_used = np.array([use for use, _ in limits]), np.array([most for _, most in limits])
    possible = (case.allowed & (case.gains > 0)).ravel().astype(float)
    found = milp(
        -case.gains.ravel(),
        integrality=np.ones(cells.size, dtype=int),
        bounds=Bounds(0, possible),
        constraints=LinearConstraint(matrix, -np.inf, most_used),
        options={"mip_rel_gap": 1e-4},
    )
    assert found.fun is not None
    return -float(found.fun)


def test_many_customers_are_near_the_bound() -> None:
    case = shop(60_000, 1)
    solution = case.solve()
    assert case.keeps_limits(solution.choice)
    assert solution.gap < 1e-4
    assert solution.budget_price > 0
    assert set(solution.channel_prices) == {"phone", "email", "sms"}


def test_many_customers_who_are_all_alike_share_what_there_is() -> None:
    gains, costs = np.full((50_000, 2), 3.0), np.tile([1.0, 0.5], (50_000, 1))
    allowed = np.ones((50_000, 2), dtype=bool)
    solution = solve(gains, costs, ["phone", "email"], allowed, 2_000.0, {"phone": 1_500, "email": 1_000})
    # 1,000 mails for 500, and calls for the rest of the budget
    assert np.bincount(solution.choice + 1).tolist() == [47_500, 1_500, 1_000]
    assert solution.total == 7_500
    assert solution.gap < 1e-9


def test_without_limits_everybody_gets_the_best_action() -> None:
    case = shop(500, 3)
    solution = solve(case.gains, case.costs, case.channels, case.allowed, None, {})
    option = np.where(case.allowed & (case.gains > 0), case.gains, -np.inf)
    assert solution.choice.tolist() == np.where(option.max(axis=1) > 0, option.argmax(axis=1), NOTHING).tolist()
    assert (solution.gap, solution.budget_price, solution.channel_prices) == (0, 0, {})


def test_equal_actions_are_taken_by_their_column_and_equal_customers_by_their_row() -> None:
    gains, costs = np.full((6, 2), 2.0), np.ones((6, 2))
    allowed = np.ones((6, 2), dtype=bool)
    solution = solve(gains, costs, ["phone", "email"], allowed, None, {"phone": 2, "email": 3})
    assert solution.choice.tolist() == [0, 0, 1, 1, 1, NOTHING]
    free = solve(gains, costs, ["phone", "email"], allowed, 4.0, {})
    assert free.choice.tolist() == [0, 0, 0, 0, NOTHING, NOTHING]


def test_a_budget_pays_what_its_decimals_say() -> None:
    # the sum of three times 0.1 is above 0.3 in binary
    solution = solve(np.ones((4, 1)), np.full((4, 1), 0.1), ["email"], np.ones((4, 1), dtype=bool), 0.3, {})
    assert solution.choice.tolist() == [0, 0, 0, NOTHING]


def test_the_same_case_has_the_same_choice() -> None:
    case = shop(45_000, 2)
    assert case.solve().choice.tolist() == case.solve().choice.tolist()


def test_nobody_and_nothing_to_do() -> None:
    empty = solve(np.empty((0, 2)), np.empty((0, 2)), ["a", "b"], np.empty((0, 2), dtype=bool), 1.0, {"a": 1})
    assert (empty.choice.tolist(), empty.total, empty.bound, empty.gap) == ([], 0, 0, 0)
    none = solve(np.empty((3, 0)), np.empty((3, 0)), [], np.empty((3, 0), dtype=bool), 1.0, {})
    assert none.choice.tolist() == [NOTHING] * 3


def test_prices_choose_for_single_customers_as_for_all() -> None:
    case = shop(5_000, 4)
    solution = case.solve()
    option = case.allowed & (case.gains > 0)
    reduced = np.where(option, solution.prices.reduced(case.gains, case.costs, case.channels), -np.inf)
    alone = np.where(reduced.max(axis=1) > 0, reduced.argmax(axis=1), NOTHING)
    # the prices decide all but the few customers at the edge of the limits
    assert np.count_nonzero(alone != solution.choice) <= 20


def test_prices_of_unknown_channels_are_nothing() -> None:
    prices = Prices(0.5, {"phone": 2.0})
    reduced = prices.reduced(np.array([[5.0, 5.0]]), np.array([[2.0, 4.0]]), ["phone", "email"])
    assert reduced.tolist() == [[2.0, 3.0]]


def test_a_choice_that_the_solver_cannot_improve_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    case = shop(200, 5)
    monkeypatch.setattr(exact, "_MOST_NODES", 0)
    solution = case.solve()
    assert case.keeps_limits(solution.choice)
    assert solution.total >= 0.95 * solution.bound


def test_the_solver_writes_nothing_to_the_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    for seed in range(12):
        shop(150 + seed, seed).solve()
    assert capfd.readouterr().out == ""
