"""The rules file where it is served: read at the start, read again when it changes, kept while it is broken."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from serving.offers.offering import Query
from serving.scoring.reloader import Ready
from serving.settings import ServingSettings
from tests.conftest import NOW, World


@pytest.fixture
def rules(at_home: World, tmp_path: Path) -> Path:
    return tmp_path / "rules.toml"


def ready_with(world: World, rules: Path) -> Ready:
    serving = world.settings[ServingSettings].model_copy(update={"rules": rules})
    return Ready(world.settings.replaced(serving), lambda: NOW)


def products(ready: Ready) -> list[str]:
    scorer = ready.load()
    (found,) = scorer.offers(["6"], ready.as_of(scorer), Query(limit=3), "en")
    return [offer.product_id for offer in found.offers]


def test_rules_are_read_again_when_the_file_changes(at_home: World, rules: Path) -> None:
    rules.write_text("max_per_type = 3\n")
    ready = ready_with(at_home, rules)
    first = products(ready)
    rules.write_text(f"[block]\nproducts = ['{first[0]}']\n")
    second = products(ready)
    assert first[0] not in second
    rules.write_text("[block]\nproducts = nonsense\n")
    with capture_logs() as told:
        assert products(ready) == second
        assert products(ready) == second
    assert [line["event"] for line in told] == ["rules_broken"]  # once
    (found,) = ready.scorer.offers(["6"], ready.as_of(ready.scorer), Query(limit=3), "en")
    assert [offer.product_id for offer in found.offers] == second
    rules.write_text('facts = "facts.csv"\n')
    (rules.parent / "facts.csv").write_text("product_id,stock\np,many\n")
    with capture_logs() as told:
        assert products(ready) == second
        assert products(ready) == second
    assert [line["event"] for line in told] == ["rules_broken"]


def test_who_did_not_agree_gets_no_offers_and_the_answer_says_why(at_home: World, rules: Path) -> None:
    rules.write_text('consent = "given"\n')  # nobody was ever asked in these data
    ready = ready_with(at_home, rules)
    scorer = ready.load()
    (found,) = scorer.offers(["6"], ready.as_of(scorer), Query(limit=3), "en")
    assert found.offers == []
    assert found.withheld == "consent"
    (types,) = scorer.types(["6"], ready.as_of(scorer), 3, "en")
    assert types.types == []
    assert types.withheld == "consent"
