"""What lists of an experiment gained: a worked example, and a shop in which the truth is known."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from core.errors import StateError
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from serving.cli.app import load
from serving.offers.experiment import Experiment, Impressions, arm_of
from serving.offers.gain import MEASURES, GainReport, gain_of_lists
from serving.settings import ExperimentSettings
from tests.contract_tables import written
from tests.training.effects.test_outcomes import line

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)
#: The data are complete for 90 days.
LAST = line("z", "last", START + 90 * DAY)
SPRING = ExperimentSettings(name="spring", share=0.5)


def bought(customer: str, day: float, product: str, amount: float, **more: Any) -> dict[str, Any]:
    return line(customer, f"{customer}{day}{product}", START + day * DAY, amount, product_id=product, **more)


def show(
    settings: Settings, customer: str, day: float, arm: Any, products: Sequence[str], name: str = "spring"
) -> None:
    log = Impressions(settings[StoreSettings])
    log.write(customer, START + day * DAY, Experiment(name, arm), "next-product v1", products)


def test_a_worked_example(tmp_path: Path) -> None:
    lines = [
        bought("a", 1, "p", 10.0),
        bought("a", 2, "r", 5.0),
        bought("a", 14, "p", 99.0),  # the end of the window is exclusive
        bought("c", 8, "p", 20.0),  # after two impressions: once
        bought("c", 20, "q", 7.0),  # after the second one, which did not show it
        bought("e", 1, "q", 3.0),  # at the moment of the impression
        bought("e", 0.5, "q", 99.0),  # before it
        bought("e", 2, "q", -3.0, quantity=-1.0),  # taken back
        bought("e", 3, "q", 99.0, replaced_timestamp=START + 4 * DAY),  # another version of it came
        bought("f", 1, "p", 99.0),
        bought("g", 1, "p", 99.0),
        LAST,
    ]
    settings = written(tmp_path, transactions=lines)
    show(settings, "z", 0, "champion", ["p"], "winter")
    show(settings, "a", 0, "champion", ["p", "q"])
    show(settings, "b", 0, "champion", ["p"])
    show(settings, "c", 0, "baseline", ["p"])
    show(settings, "c", 7, "baseline", ["p"])
    show(settings, "d", 80, "baseline", ["q"])
    show(settings, "e", 1, "baseline", ["q"])
    show(settings, "f", 0, "baseline", ["p"])
    show(settings, "f", 1, "champion", ["p"])
    show(settings, "g", 0, "champion", ["p"])
    with (tmp_path / "impressions.jsonl").open("ab") as file:
        file.write(b'{"customer_id": "a", "as_')
    Erased(settings[StoreSettings]).add("g", START)

    found = gain_of_lists(settings, 14)
    assert (found.experiment, found.open, found.moved, found.ratio) == ("spring", 1, 1, None)
    control, other = found.arms
    assert (control.name, control.customers, control.impressions) == ("champion", 2, 2)
    assert control.means == {"shown": 0.5, "any": 1.0, "revenue": 7.5}
    assert (other.name, other.customers, other.impressions) == ("baseline", 2, 3)
    assert other.means == {"shown": 1.0, "any": 1.5, "revenue": 15.0}
    assert {one: other.differences[one].effect.value for one in MEASURES} == {"shown": 0.5, "any": 0.5, "revenue": 7.5}
    assert {one.verdict for one in other.differences.values()} == {"not_yet_known"}
    # a week: the window of d is over, and the second purchase of c comes too late
    week = gain_of_lists(settings, 7)
    assert week.open == 0
    assert week.arms[1].means == pytest.approx({"shown": 2 / 3, "any": 2 / 3, "revenue": 23 / 3})


def shop(folder: Path, chance: dict[str, float], customers: int = 2000, seed: int = 1) -> Settings:
    """Everybody sees one list and buys its product with the chance of its arm; half of them buy another one, too."""
    rng = np.random.default_rng(seed)
    lines, arms = [LAST], {}
    for one in (f"c{number}" for number in range(customers)):
        drawn = arm_of(SPRING, one)
        assert drawn is not None
        arms[one] = drawn.arm
        if rng.random() < chance[drawn.arm]:
            lines.append(bought(one, rng.uniform(0, 14), "p", 2.0))
        if rng.random() < 0.5:
            lines.append(bought(one, rng.uniform(0, 14), "other", 1.0))
    settings = written(folder, SPRING, transactions=lines)
    for one, arm in arms.items():
        show(settings, one, 0, arm, ["p", "q"])
    return settings


def test_a_gain_is_found_where_there_is_one(tmp_path: Path) -> None:
    found = gain_of_lists(shop(tmp_path, {"champion": 0.3, "baseline": 0.45}), 14)
    shown, every, revenue = (found.arms[1].differences[one] for one in MEASURES)
    assert shown.effect.low < 0.15 < shown.effect.high
    assert revenue.effect.low < 0.30 < revenue.effect.high
    assert {one.verdict for one in (shown, every, revenue)} == {"effect"}
    assert shown.needed_more is None
    assert found.ratio is not None
    assert not found.ratio.alarm
    assert sum(found.ratio.expected.values()) == sum(arm.customers for arm in found.arms) == 2000


def test_harm_is_harm(tmp_path: Path) -> None:
    found = gain_of_lists(shop(tmp_path, {"champion": 0.45, "baseline": 0.3}), 14)
    assert found.arms[1].differences["shown"].verdict == "harm"


def printed(settings: Settings, *arguments: str) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        context = SimpleNamespace(settings=settings, console=console)
        load("experiment").main(["report", *arguments], obj=context, standalone_mode=False)
    return captured.get()


def test_what_is_not_known_is_printed_as_that(tmp_path: Path) -> None:
    settings = shop(tmp_path, {"champion": 0.3, "baseline": 0.31}, customers=300)
    text = " ".join(printed(settings).split())
    assert "not yet known, needs about" in text
    assert "The lists have the customers of the share (" in text
    assert "0 impressions are left out, whose days are not over." in text
    body = json.loads(printed(settings, "--format", "json"))
    found = gain_of_lists(settings, 14)
    assert body["until"].startswith(f"{found.until:%Y-%m-%d}")
    assert [arm["customers"] for arm in body["arms"]] == [arm.customers for arm in found.arms]
    difference = body["arms"][1]["differences"]["shown"]
    assert difference["verdict"] == "not_yet_known"
    assert difference["needed_more"] > 0
    assert difference["effect"]["value"] == pytest.approx(found.arms[1].differences["shown"].effect.value)


def test_arms_without_their_share_of_customers_are_an_alarm(tmp_path: Path) -> None:
    settings = shop(tmp_path, {"champion": 0.3, "baseline": 0.3}, customers=300)
    other = settings.replaced(ExperimentSettings(name="spring", share=0.2))
    found: GainReport = gain_of_lists(other, 14)
    assert found.ratio is not None
    assert found.ratio.alarm
    assert "find out why" in printed(other)


def test_windows_that_are_open_are_no_differences(tmp_path: Path) -> None:
    settings = shop(tmp_path, {"champion": 0.3, "baseline": 0.6}, customers=100)
    found = gain_of_lists(settings, 365)
    assert found.open == 100
    assert [arm.customers for arm in found.arms] == [0]
    assert "100 impressions are left out" in printed(settings, "--days", "365")


def test_without_impressions_it_says_what_to_do(tmp_path: Path) -> None:
    settings = written(tmp_path, SPRING, transactions=[LAST])
    with pytest.raises(StateError, match="Expected impressions of 'spring', found none"):
        gain_of_lists(settings, 14)
    with pytest.raises(StateError, match="Expected impressions of an experiment, found none"):
        gain_of_lists(written(tmp_path, transactions=[LAST]), 14)
