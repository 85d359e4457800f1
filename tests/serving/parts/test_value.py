"""The part `value`: forecasts, money, tiers and reasons of all customers of the world."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from serving.explain.language import LANGUAGES
from serving.explain.wording import LONGEST
from serving.parts.value import ValueAnswer
from serving.parts.worth import ValueEngine
from tests.conftest import Scoring, World
from training.churn.settings import ChurnSettings
from training.segments.pyramid import TIERS

pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def customers(world: World, scoring: Scoring) -> list[str]:
    """Every customer of the online store."""
    ground = scoring.reloader.deployment.ground
    return ground.store.customers(ChurnSettings.service, ground.online.as_of)


@pytest.fixture(scope="module")
def answers(scoring: Scoring, customers: list[str]) -> Sequence[Any]:
    return scoring.ask(customers, "value", "risk")


def values(answers: Sequence[Any]) -> list[ValueAnswer]:
    """Return the values of customers with a purchase."""
    found = [one.parts["value"].value for one in answers]
    known = [one for one in found if one.amount is not None]
    assert len(known) > 300
    return known


def test_forecasts_lie_within_their_intervals(answers: Sequence[Any]) -> None:
    for one in values(answers):
        for forecast in (one.amount, one.orders):
            assert forecast is not None
            assert forecast.low is not None
            assert forecast.high is not None
            assert 0 <= forecast.low <= forecast.value <= forecast.high
        assert 0 <= (one.alive or 0.0) <= 1
        following = one.next_order
        if following is not None:
            assert following.low <= following.expected <= following.high
            assert 0 <= following.days <= (one.horizon_days or 0)


def test_the_amount_at_risk_is_risk_times_amount(answers: Sequence[Any]) -> None:
    known = 0
    for one in answers:
        risk, value = one.parts["risk"].value.risk, one.parts["value"].value
        if value.amount is None or risk is None:
            assert value.at_risk is None
        else:
            assert value.at_risk == pytest.approx(risk * value.amount.value)
            known += 1
    assert known > 200


def test_lifetime_value_is_what_was_and_what_is_to_come(answers: Sequence[Any]) -> None:
    for one in values(answers):
        assert one.lifetime is not None
        assert one.lifetime.total == pytest.approx(one.lifetime.historic + one.lifetime.predicted)
        # no cost and no margin is configured, and it says so
        assert one.lifetime.margin == 1.0
        assert ("margin", "assumed") in {(each.key, each.source) for each in one.assumptions or []}


def test_tiers_cover_all_customers_by_their_shares(answers: Sequence[Any]) -> None:
    known = values(answers)
    counts = Counter(one.tier.name for one in known if one.tier is not None)
    assert sum(counts.values()) == len(known)
    shares = {"diamond": 0.02, "platinum": 0.05, "gold": 0.13, "regular": 0.25}
    for tier, share in shares.items():
        assert counts[tier] / len(known) == pytest.approx(share, abs=2 / len(known))
    least = {tier: min(worth(known, tier)) for tier in TIERS}
    assert list(least.values()) == sorted(least.values(), reverse=True)


def worth(known: Sequence[ValueAnswer], tier: str) -> list[float]:
    return [one.lifetime.total for one in known if one.lifetime and one.tier and one.tier.name == tier]


def test_reasons_have_the_direction_that_the_model_gives(answers: Sequence[Any], scoring: Scoring) -> None:
    """High spenders have more reasons for a high value than for a low one, and the other way round."""
    known = sorted(values(answers), key=lambda one: one.amount.value if one.amount else 0.0)
    for part, direction in ((known[:30], "lowers"), (known[-30:], "raises")):
        shares: Counter[str] = Counter()
        for one in part:
            for reason in one.reasons or []:
                shares[reason.direction] += reason.share  # type: ignore[assignment]
        assert shares[direction] > 0.9 * sum(shares.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_short(scoring: Scoring, customers: list[str], language: str) -> None:
    for scored in scoring.ask(customers[:100], "value", language=language):
        one = scored.parts["value"].value
        texts = [one.text, *(reason.text for reason in one.reasons or [])]
        texts += [part.text for part in (one.next_order, one.lifetime) if part is not None]
        texts += [one.field.advice] if one.field else []
        assert all(text and len(text) <= LONGEST for text in texts)


def test_contributions_sum_to_the_amount(scoring: Scoring, answers: Sequence[Any], customers: list[str]) -> None:
    model = scoring.reloader.deployment.engine(ValueEngine).valuer.explainable
    assert model is not None
    inputs = model.background
    sums = model.contributions(inputs).sum(axis=1)
    assert np.allclose(sums, model.margin(inputs))
    assert np.isfinite(sums).all()
