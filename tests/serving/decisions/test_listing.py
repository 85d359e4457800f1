"""Decisions as lists."""

from pathlib import Path

import numpy as np
import pytest

from serving.decisions.listing import reasons_of, rows_of, ruled_out
from tests.serving.decisions.shops import population
from tests.serving.decisions.test_decide import CALL, LOYAL, MAIL, POLICY, RISKY, Shop
from tests.serving.decisions.worlds import ingested


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop that calls in Ulm, and mails."""
    found = Shop(tmp_path)
    ingested(found.settings, [])
    found.defines(POLICY, CALL + 'rule = {column = "city", equals = "Ulm"}\n', MAIL)
    return found


def test_a_row_says_what_to_do_and_why_not_something_else(shop: Shop) -> None:
    decided = shop.decides(population([RISKY | {"city": "Ulm"}, RISKY, LOYAL, {"city": "Ulm"}]))
    rows = rows_of(decided)
    assert rows.action.tolist() == ["call", "mail", "do_nothing", "do_nothing"]
    assert rows.channel.tolist() == ["phone", "email", None, None]
    assert rows.effect.tolist() == ["assumed", "assumed", None, None]
    assert rows.runner_up.tolist() == ["mail", "do_nothing", "do_nothing", "do_nothing"]
    assert rows.gain.tolist() == pytest.approx([6, 2.4, 0, 0])
    assert rows.cost.tolist() == pytest.approx([4, 0.1, 0, 0])
    assert rows.lift.tolist() == pytest.approx([0.1, 0.025, 0, 0])
    assert rows.base.tolist() == pytest.approx([0.5, 0.5, np.nan, np.nan], nan_ok=True)
    assert rows.ruled_out.tolist() == [
        "",
        "call: rule",
        "call: rule; mail: no_gain",
        "call: not_valued; mail: not_valued",
    ]


def test_what_was_ruled_out_is_counted_by_action_and_reason(shop: Shop) -> None:
    decided = shop.decides(population([RISKY | {"city": "Ulm"}, RISKY, LOYAL, {"city": "Ulm"}]))
    assert ruled_out(decided) == {"call": {"rule": 2, "not_valued": 1}, "mail": {"not_valued": 1, "no_gain": 1}}
    assert reasons_of(decided).shape == (4, 2)


def test_a_list_of_a_shop_without_actions(shop: Shop) -> None:
    shop.defines(POLICY)
    rows = rows_of(shop.decides(population([RISKY])))
    assert rows[["action", "runner_up", "ruled_out"]].to_numpy().tolist() == [["do_nothing", "do_nothing", ""]]
