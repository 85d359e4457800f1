"""Playbook and display names: a running service follows them, and keeps those before where they are broken."""

from pathlib import Path
from typing import Any

import pytest

from serving.parts.churn import ChurnEngine
from serving.settings import ServingSettings, TextSettings
from tests.conftest import Scoring, World
from training.churn.labels import active_customers

pytestmark = pytest.mark.world

_HEAD = "kind,id,en\n"
_FINDINGS = ("long_silence", "buys_less", "less_frequent")


def saying(text: str) -> str:
    """Return a playbook with one text for some findings."""
    return "".join(f'[{finding}]\nen = "{text}"\n' for finding in _FINDINGS)


def test_changed_files_are_followed_and_broken_ones_are_not(at_home: World, tmp_path: Path) -> None:
    names, playbook = tmp_path / "names.csv", tmp_path / "playbook.toml"
    names.write_text(_HEAD)
    playbook.write_text(saying("Write to them."))
    serving = at_home.settings[ServingSettings].model_copy(update={"playbook": playbook})
    scoring = Scoring(at_home.settings.replaced(serving, TextSettings(names=names)))
    customers = active_customers(at_home.settings, at_home.schedule.as_of)
    offered = offers(scoring, customers[0])
    product, name = offered.product_id, offered.name
    assert set(texts(scoring, customers)) == {"Write to them."}

    names.write_text(f"{_HEAD}product,{product},The milk\n")
    playbook.write_text(saying("Call them."))
    assert offers(scoring, customers[0]).name == "The milk" != name
    assert set(texts(scoring, customers)) == {"Call them."}

    names.write_text("no names")
    playbook.write_text("[silly]")
    assert offers(scoring, customers[0]).name == "The milk"
    assert set(texts(scoring, customers)) == {"Call them."}
    assert scoring.reloader.deployment.engine(ChurnEngine).playbook.actionable == set(_FINDINGS)


def offers(scoring: Scoring, customer: str) -> Any:
    """Return the first offer of a customer."""
    return scoring.ask([customer], "offers")[0].parts["offers"].value.offers[0]


def texts(scoring: Scoring, customers: list[str]) -> list[str]:
    """Return the actions of customers."""
    actions = (one.parts["action"].value.now for one in scoring.ask(customers, "action"))
    return [action.text for action in actions if action is not None]
