"""The rules file where it is served: read at the start, read again when it changes, kept while it is broken."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from serving.parts.offers import OfferOptions
from serving.settings import ServingSettings
from tests.conftest import Scoring, World
from training.next_product.offers.rules import Kind


@pytest.fixture
def rules(at_home: World, tmp_path: Path) -> Path:
    return tmp_path / "rules.toml"


def scoring_with(world: World, rules: Path) -> Scoring:
    serving = world.settings[ServingSettings].model_copy(update={"rules": rules})
    return Scoring(world.settings.replaced(serving))


def products(scoring: Scoring) -> list[str]:
    (scored,) = scoring.ask(["6"], "offers", options=OfferOptions(limit=3))
    return [offer.product_id for offer in scored.parts["offers"].value.offers]


def test_rules_are_read_again_when_the_file_changes(at_home: World, rules: Path) -> None:
    rules.write_text("max_per_type = 3\n")
    scoring = scoring_with(at_home, rules)
    first = products(scoring)
    rules.write_text(f"[block]\nproducts = ['{first[0]}']\n")
    second = products(scoring)
    assert first[0] not in second
    rules.write_text("[block]\nproducts = nonsense\n")
    with capture_logs() as logged:
        assert products(scoring) == second
        assert products(scoring) == second
    assert [line["event"] for line in logged] == ["rules_broken"]  # once
    rules.write_text('facts = "facts.csv"\n')
    (rules.parent / "facts.csv").write_text("product_id,stock\np,many\n")
    with capture_logs() as logged:
        assert products(scoring) == second
        assert products(scoring) == second
    assert [line["event"] for line in logged] == ["rules_broken"]


def test_types_that_are_blocked_as_a_kind_are_in_neither_list(at_home: World, rules: Path) -> None:
    rules.write_text("")
    scoring = scoring_with(at_home, rules)

    def new_types(kind: Kind) -> list[str]:
        (scored,) = scoring.ask(["6"], "offers", options=OfferOptions(kind=kind, limit=100))
        return [one.type for one in scored.parts["offers"].value.offers if one.kind == "cross_sell"]

    kinds: tuple[Kind, ...] = ("cross_sell", "next")
    before = {kind: new_types(kind) for kind in kinds}
    blocked = {types[0] for types in before.values()}
    rules.write_text(f"[[block.kinds]]\ntypes = {sorted(blocked)}\nkinds = ['cross_sell']\n")
    for kind in kinds:
        after = new_types(kind)
        assert after
        assert not blocked & set(after)


def test_who_did_not_agree_gets_no_offers_and_the_answer_says_why(at_home: World, rules: Path) -> None:
    rules.write_text('consent = "given"\n')  # nobody was ever asked in these data
    scoring = scoring_with(at_home, rules)
    (scored,) = scoring.ask(["6"], "offers", "types")
    offers, types = scored.parts["offers"].value, scored.parts["types"].value
    assert (offers.status, offers.offers) == ("withheld", [])
    assert (types.status, types.types) == ("withheld", [])
    assert "marketing" in offers.reason


def test_rules_that_are_broken_from_the_start_keep_offers_alone_from_answering(at_home: World, rules: Path) -> None:
    rules.write_text("[block]\nproducts = nonsense\n")
    (scored,) = scoring_with(at_home, rules).ask(["6"], "risk", "offers")
    assert scored.parts["risk"].value.status == "ok"
    offers = scored.parts["offers"].value
    assert offers.status == "unavailable"
    assert "serving.rules" in offers.reason
