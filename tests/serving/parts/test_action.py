"""The part `action`: what offers allow is in it, and nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from serving.settings import ServingSettings
from tests.conftest import Scoring, World
from training.churn.labels import active_customers


def answers(at_home: World, tmp_path: Path, rules: str) -> Sequence[Any]:
    """Return risk and action of every active customer, by some rules."""
    file = tmp_path / "rules.toml"
    file.write_text(rules)
    serving = at_home.settings[ServingSettings].model_copy(update={"rules": file})
    scoring = Scoring(at_home.settings.replaced(serving))
    return scoring.ask(active_customers(at_home.settings, at_home.schedule.as_of), "risk", "action")


def products(scored: Sequence[Any]) -> dict[str, str]:
    """Return the product of each customer whose action names one."""
    actions = {one.customer_id: one.parts["action"].value.now for one in scored}
    return {customer: action.product_id for customer, action in actions.items() if action and action.product_id}


@pytest.mark.world
def test_a_product_that_may_not_be_offered_is_in_no_reminder(at_home: World, tmp_path: Path) -> None:
    scored = answers(at_home, tmp_path, "")
    named = products(scored)
    assert len(named) > 5
    for one in scored:
        action, tier = one.parts["action"].value.now, one.parts["risk"].value.tier
        assert action is None or tier in {"high", "medium"}
        if action is not None and action.product_id:
            assert "usually bought every" in action.text
    customer, product = next(iter(named.items()))
    blocked = products(answers(at_home, tmp_path, f'[block]\nproducts = ["{product}"]\n'))
    assert blocked.get(customer) != product
    assert product not in blocked.values()
    assert len(blocked) >= len(named) - list(named.values()).count(product)


@pytest.mark.world
def test_without_consent_there_is_no_marketing(at_home: World, tmp_path: Path) -> None:
    scored = answers(at_home, tmp_path, 'consent = "given"\n')
    assert not products(scored)
    findings = {one.parts["action"].value.now.finding for one in scored if one.parts["action"].value.now}
    assert not findings & {"long_silence", "buys_less", "less_frequent"}
