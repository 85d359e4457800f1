"""The rules file: what it may say, and that every list keeps it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from tests.training.next_product.small import a_catalogue, a_history
from training.next_product.catalogue import Catalogue
from training.next_product.history import History
from training.next_product.model import NextProductModel, Ranked
from training.next_product.offers.policy import Policy
from training.next_product.offers.rules import KINDS, Block, BlockedKinds, Kind, Pinned, Rules, load_rules
from training.next_product.offers.selection import Chosen, Request, choose

MAY = datetime(2026, 5, 10, tzinfo=UTC)


class _Model:
    """A model that has ranked already: a catalogue, and the evidence for baskets, which has none."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def active(self, history: History) -> bool:
        return len(history) > 0


def chosen(
    rules: Rules,
    catalogue: Catalogue,
    history: History,
    kind: Kind = "next",
    limit: int = 5,
    moment: datetime = MAY,
    better: Sequence[int] = (),
) -> list[Chosen]:
    """Choose from all products, ranked by code; some are of a better tier."""
    codes = np.arange(len(catalogue))
    places = {code: place for place, code in enumerate(history.codes.tolist())}
    own = np.array([places.get(code, -1) for code in codes.tolist()])
    ranked = Ranked(codes, own, np.isin(codes, better), np.linspace(0.9, 0.1, len(codes)))
    model = cast("NextProductModel", _Model(catalogue))  # only these two are asked for
    return choose(model, Policy(rules, catalogue), history, ranked, Request(kind, limit, moment))


def codes(rules: Rules, history: History | None = None, limit: int = 5) -> list[int]:
    return [one.code for one in chosen(rules, a_catalogue(), history or a_history([]), limit=limit)]


def test_without_rules_the_rank_decides() -> None:
    assert codes(Rules()) == [0, 1, 2, 3, 4]


def test_blocked_products_types_and_categories_are_not_offered() -> None:
    catalogue = a_catalogue()
    assert codes(Rules(block=Block(products=("p0", "p3")))) == [1, 2, 4, 5, 6]
    blocked = codes(Rules(block=Block(types=("type 0",), categories=("category 1",))), limit=30)
    assert blocked
    assert not {"type 0"} & set(catalogue.texts["type"][blocked])
    assert not {"category 1"} & set(catalogue.texts["category"][blocked])


@pytest.fixture
def tobacco(tmp_path: Path) -> Rules:
    """Rules by which category 1 is only offered to those who bought it."""
    file = tmp_path / "rules.toml"
    file.write_text('[[block.kinds]]\ncategories = ["category 1"]\nkinds = ["cross_sell", "up_sell"]\n')
    return load_rules(file)


def test_a_category_is_not_offered_as_the_kinds_that_are_blocked(tobacco: Rules) -> None:
    catalogue = a_catalogue()
    blocked = set(np.flatnonzero(catalogue.texts["category"] == "category 1").tolist())
    history = a_history([1, 2], days_since=15.0)  # due after 10 days
    better = [5, 6, 9, 10]  # 5 and 9 are of category 1

    def lists(rules: Rules, kind: Kind) -> dict[int, Kind]:
        return {one.code: one.kind for one in chosen(rules, catalogue, history, kind, 40, better=better)}

    for kind in ("cross_sell", "up_sell"):
        assert blocked & lists(Rules(), kind).keys()
        assert set(lists(tobacco, kind)) == lists(Rules(), kind).keys() - blocked
    assert lists(tobacco, "repeat") == {1: "repeat", 2: "repeat"}
    mix = lists(tobacco, "next")
    assert mix[1] == "repeat"
    assert mix.keys() & blocked == {1}
    assert {(6, "up_sell"), (2, "repeat"), (3, "cross_sell")} <= set(mix.items())


def test_own_products_can_be_blocked_by_kind_and_type(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text('[[block.kinds]]\ntypes = ["type 1"]\nkinds = ["repeat", "next"]\n')
    rules = load_rules(tmp_path / "rules.toml")
    for days_since in (5.0, 15.0):  # not due, due
        history = a_history([1, 2], days_since=days_since)
        mix = {one.code: one.kind for one in chosen(rules, a_catalogue(), history, limit=40)}
        assert 1 not in mix
        assert mix[2] == ("repeat" if days_since > 10.0 else "next")
        assert mix[11] == "cross_sell"  # of type 1 too
    assert [one.code for one in chosen(rules, a_catalogue(), history, "repeat")] == [2]


def test_pinned_products_keep_the_kinds_that_are_blocked(tobacco: Rules) -> None:
    pins = [
        {"campaign": "Spring", "product": product, "from": "2026-05-01", "until": "2026-05-31"}
        for product in ("p5", "p6")
    ]
    rules = Rules.model_validate({"pinned": pins, "block": tobacco.block})
    assert codes(rules)[0] == 6
    assert 5 not in codes(rules, limit=40)


def test_of_a_pair_only_one_is_offered_and_none_beside_what_was_bought() -> None:
    rules = Rules(block=Block(pairs=(("p0", "p1"), ("p2", "p30"))))
    assert codes(rules) == [0, 2, 3, 4, 5]
    assert 2 not in codes(rules, a_history([30]), limit=30)


def test_no_more_of_a_category_or_type_than_allowed() -> None:
    catalogue = a_catalogue()
    offered = codes(Rules(max_per_category=2), limit=10)
    assert np.unique(catalogue.texts["category"][offered], return_counts=True)[1].max() == 2
    offered = codes(Rules(max_per_type=1), limit=10)
    assert len(set(catalogue.texts["type"][offered])) == len(offered)


def test_the_long_tail_gets_its_share() -> None:
    catalogue = replace(a_catalogue(count=300))
    head = set(catalogue.head.tolist())
    assert head == {0, 1, 2}
    offered = [one.code for one in chosen(Rules(long_tail=0.8), catalogue, a_history([]), limit=5)]
    assert offered == [0, 3, 4, 5, 6]
    assert [one.code for one in chosen(Rules(long_tail=0.4), catalogue, a_history([]), limit=5)] == [0, 1, 2, 3, 4]
    assert [one.code for one in chosen(Rules(long_tail=0.5), catalogue, a_history([]), limit=5)] == [0, 1, 3, 4, 5]


def test_margin_and_stock_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "facts.csv").write_text("product_id,margin,stock\np0,0.3,0\np1,0.05,9\np2,0.3,\np3,,5\np4,0.3,5\n")
    (tmp_path / "rules.toml").write_text('min_margin = 0.1\nfacts = "facts.csv"\n')
    assert codes(load_rules(tmp_path / "rules.toml")) == [2, 4]
    (tmp_path / "rules.toml").write_text('facts = "facts.csv"\n')
    assert codes(load_rules(tmp_path / "rules.toml")) == [1, 2, 3, 4, 5]


def test_pinned_products_stand_where_and_while_they_should() -> None:
    pin = {"campaign": "Spring", "product": "p20", "from": "2026-05-01", "until": "2026-05-11", "place": 2}
    rules = Rules.model_validate({"pinned": [pin]})
    assert codes(rules) == [0, 20, 1, 2, 3]
    offers = chosen(rules, a_catalogue(), a_history([]))
    assert offers[1].evidence is not None
    assert (offers[1].evidence.path, offers[1].evidence.campaign) == ("pinned", "Spring")
    later = chosen(rules, a_catalogue(), a_history([]), moment=datetime(2026, 5, 11, tzinfo=UTC))
    assert [one.code for one in later] == [0, 1, 2, 3, 4]
    only = Rules.model_validate({"pinned": [{**pin, "buyers_of": ["type 3"]}]})
    assert 20 not in codes(only)
    catalogue = a_catalogue()
    bought = int(np.flatnonzero(catalogue.texts["type"] == "type 3")[0])
    assert 20 in codes(only, a_history([bought]))
    assert 20 not in codes(rules.model_copy(update={"block": Block(products=("p20",))}))


@pytest.mark.parametrize(
    ("consent", "withheld"),
    [("not_withdrawn", [True, False, False]), ("given", [True, True, False]), ("ignored", [False, False, False])],
)
def test_consent_decides_who_gets_offers(consent: str, withheld: list[bool]) -> None:
    policy = Policy(Rules.model_validate({"consent": consent}), a_catalogue())
    customers = [replace(a_history([1]), consent=agreed) for agreed in (False, None, True)]
    assert [policy.withholds(history) for history in customers] == withheld


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_per_category = 0", "max_per_category = 0"),
        ("blocked = []", "blocked"),
        ("min_margin = 0.1", "facts"),
        ('consent = "maybe"', "not_withdrawn"),
        ('[[pinned]]\ncampaign = "a"\nproduct = "b"\nfrom = 2026-05-02\nuntil = 2026-05-01', "from"),
        ("[block]\npairs = [['a']]", "pairs"),
        (
            '[[block.kinds]]\ncategories = ["a"]\nkinds = ["crosssell"]',
            r"block\.kinds\.0\.kinds\.0 = 'crosssell': .*'repeat', 'cross_sell', 'up_sell' or 'next'",
        ),
        ('[[block.kinds]]\ncategories = ["a"]\nkinds = []', r"block\.kinds\.0\.kinds"),
        ('[[block.kinds]]\ncategories = ["a"]', r"block\.kinds\.0\.kinds"),
        ('[[block.kinds]]\nkinds = ["repeat"]', "expected `types` or `categories`, found neither"),
        ('[[block.kinds]]\ndepartments = ["a"]\nkinds = ["repeat"]', r"block\.kinds\.0\.departments"),
        ("consent =", "cannot be read"),
    ],
)
def test_what_is_no_rule_is_rejected(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_rules(tmp_path / "rules.toml")


def test_files_that_are_missing_or_not_readable_are_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_rules(tmp_path / "none.toml")
    texts = (
        "product,stock\np0,1\n",
        "product_id,stock\np0,1\np0,2\n",
        "product_id,stock\np0,many\n",
        "product_id\np0\n",
    )
    for text in texts:
        (tmp_path / "facts.csv").write_text(text)
        with pytest.raises(ConfigError, match="product_id, stock"):
            Policy(Rules(facts=tmp_path / "facts.csv"), a_catalogue())


def test_names_that_are_not_in_the_catalogue_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    pin = {
        "campaign": "c",
        "product": "p1",
        "from": MAY.date(),
        "until": MAY.date().replace(day=30),
        "buyers_of": ["odd"],
    }
    kinds = (BlockedKinds(categories=("no tobacco",), kinds=("repeat",)),)
    blocked = Block(products=("p0", "typo"), types=("none such",), pairs=(("p0", "gone"),), kinds=kinds)
    Policy(Rules.model_validate({"block": blocked, "pinned": [pin]}), a_catalogue())
    for name in ("typo", "none such", "gone", "odd", "no tobacco"):
        assert name in caplog.text


@settings(max_examples=150, deadline=None)
@given(
    blocked=st.sets(st.integers(0, 39), max_size=12),
    pairs=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=6),
    caps=st.tuples(st.none() | st.integers(1, 3), st.none() | st.integers(1, 3)),
    tail=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    pinned=st.lists(st.tuples(st.integers(0, 39), st.integers(1, 8)), max_size=3),
    bought=st.sets(st.integers(0, 39), max_size=10),
    arrivals=st.sets(st.integers(0, 39), max_size=4),
    kind=st.sampled_from(KINDS),
    limit=st.integers(1, 12),
)
def test_no_list_breaks_a_rule(
    blocked: set[int],
    pairs: list[tuple[int, int]],
    caps: tuple[int | None, int | None],
    tail: float,
    pinned: list[tuple[int, int]],
    bought: set[int],
    arrivals: set[int],
    kind: Kind,
    limit: int,
) -> None:
    new = np.isin(np.arange(40), list(arrivals))
    catalogue = replace(a_catalogue(), arrivals=new)
    start, end = MAY.date(), MAY.date().replace(day=20)
    rules = Rules(
        block=Block(products=tuple(f"p{code}" for code in blocked), pairs=tuple((f"p{a}", f"p{b}") for a, b in pairs)),
        max_per_category=caps[0],
        max_per_type=caps[1],
        long_tail=tail,
        pinned=tuple(
            Pinned(campaign="c", product=f"p{code}", start=start, end=end, place=place) for code, place in pinned
        ),
    )
    offers = chosen(rules, catalogue, a_history(sorted(bought)), kind, limit)
    listed = [one.code for one in offers]
    assert len(set(listed)) == len(listed) <= limit
    assert not set(listed) & blocked
    for group, most in zip(("category", "type"), caps, strict=True):
        if most is not None and listed:
            assert np.unique(catalogue.texts[group][listed], return_counts=True)[1].max() <= most
    for one, other in pairs:
        if one != other:
            assert not {one, other} <= set(listed)
            assert not (one in listed and other in bought)
    assert all(kind in {one.kind, "next"} for one in offers)
    assert all((one.code in bought) == (one.kind in {"repeat", "next"}) for one in offers)
