"""The most important things about the data stand first."""

from collections.abc import Callable
from pathlib import Path

import pytest

from features.ingest.pipeline import ingest
from tests.features.ingest.exports import NOW, settings_of
from tests.training.readiness.test_check import HEADER, checked, models, orders
from training.readiness.check import check_data

#: A shop with nothing odd in it: everybody comes every ten days for most of a year.
QUIET = orders(120, 300, 10)
GOODS = "product_id,name,type\n" + "".join(f"p{n},A{n},Tea\n" for n in range(12))


def observed(folder: Path, lines: list[str]) -> str:
    """Return what is said of order lines, a line each."""
    readiness, _ = checked(folder, lines, GOODS)
    assert len(readiness.observations) <= 10
    return "\n".join(readiness.observations)


def test_a_quiet_shop_only_says_how_far_its_data_reach(tmp_path: Path) -> None:
    said = observed(tmp_path, QUIET)
    assert said.startswith("Last order")
    assert said.count("\n") == 0


def day(line: str) -> str:
    return line.split(",")[3]


def mixed(lines: list[str]) -> list[str]:
    return [*lines, *(f"x{n},o1,p1,2024-03-01,1,5\n" for n in range(7))]


def hole(lines: list[str]) -> list[str]:
    return [line for line in lines if not "2024-04-03" <= day(line) < "2024-05-20"]


def spike(lines: list[str]) -> list[str]:
    busy = [line for line in lines if "2024-03-04" <= day(line) < "2024-03-11"]
    return [*lines, *(line.replace("c", f"c{n}-", 1) for n in range(8) for line in busy)]


def totals(lines: list[str]) -> list[str]:
    pairs = (("p1", 1), ("p2", 2))
    return [
        *lines,
        *(f"c{n},s{n},{goods},2024-03-0{1 + n % 9},{q},{19 + n}\n" for n in range(60) for goods, q in pairs),
    ]


def postage(lines: list[str]) -> list[str]:
    heads = [line.split(",") for line in lines]
    return [*lines, *(f"{who},{order},SHIP,{when},1,4.9\n" for who, order, _, when, *_ in heads)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (mixed, "1 order ids belong to several customers, o1 to 7"),
        (hole, "There are no orders from 2024-04-03 to 2024-05-19"),
        (spike, "The week from 2024-03-04 has 9 times as many order lines"),
        (totals, "every line has the same amount"),
        (postage, "SHIP is in 100% of the orders, one piece for 4.90 each"),
        (lambda lines: [*lines, "c1,neg,p1,2024-03-01,1,-3\n"], "1 order lines have an amount below 0"),
        (lambda lines: [*lines, lines[0]], "1 order lines equal another one"),
        (lambda lines: [*lines, *(f"till,t{n},p1,2024-03-01,1,5\n" for n in range(400))], "Customer till has"),
    ],
)
def test_what_is_odd_is_said(tmp_path: Path, change: Callable[[list[str]], list[str]], words: str) -> None:
    assert words in observed(tmp_path, change(QUIET))


def test_a_rule_that_skips_parts_of_orders_is_said(tmp_path: Path) -> None:
    lines = [*QUIET, *(f"c{n},split{n},{goods},2024-03-01,1,5\n" for n in range(4) for goods in ("p1", "GIFT"))]
    (tmp_path / "orders.csv").write_text(HEADER + "".join(lines))
    settings = settings_of(tmp_path, {"columns": {}, "skip": {"gift": "product_id = 'GIFT'"}})
    ingest(settings, NOW)
    said = check_data(settings, NOW, models()).observations
    assert any("of 4 orders gift skips some lines and keeps others" in text for text in said)


def test_the_worst_come_first_and_no_more_than_ten(tmp_path: Path) -> None:
    tills = [f"{name},t{name}{n},p1,2024-03-{1 + n % 20:02},1,5\n" for name in "abcdefghijkl" for n in range(120)]
    odd = [*mixed(QUIET), "c1,neg,p1,2024-03-01,1,-3\n", "C 1,v,p1,2024-03-01,1,3\n", QUIET[0], *tills]
    said = observed(tmp_path, odd).splitlines()
    assert len(said) == 10
    assert said[0].startswith("Last order")
    assert "several customers" in said[1]
