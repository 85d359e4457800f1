"""What the loop keeps of reports."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from core.arrays import Floats
from core.errors import StateError
from core.settings import StoreSettings
from tests.training.effects.campaigns import assigned_of, outcomes_of
from training.effects.measured import MeasuredEffect, effects_of, load_effects, needs_more, pooled, save_effects
from training.effects.outcomes import Measure
from training.effects.report import Beside, EffectReport, make_report


def _effect(lift: float, error: float, campaign: str = "spring", **others: object) -> MeasuredEffect:
    reach = 1.959963984540054 * error
    columns = {"action": "call", "by": "all", "group": "", "measure": "retained", "customers": 100, "controls": 60}
    return MeasuredEffect(
        **{**columns, **others},  # type: ignore[arg-type]
        lift=lift,
        low=lift - reach,
        high=lift + reach,
        campaigns=(campaign,),
    )


def _report(*, final: bool = True) -> EffectReport:
    arms = ["call"] * 300 + ["mail"] * 300 + ["holdout"] * 300
    stayed = (np.random.default_rng(1).random(900) < np.repeat([0.7, 0.5, 0.5], 300)).astype("float64")
    beside = Beside(segments={"loyal": np.arange(900) % 3 == 0}, reasons={"silent": np.arange(300)})
    values: dict[Measure, Floats] = {"retained": stayed, "revenue": 10 * stayed}
    return make_report(
        assigned_of(arms), outcomes_of(values), goal_measure="retained", days=28, final=final, beside=beside
    )


def test_effects_of_a_report() -> None:
    """Two actions on two measures, and in a segment; the group without a control has none."""
    report = _report()
    found = effects_of(report)
    assert [(one.action, one.by, one.group, one.measure) for one in found] == [
        (arm, by, group, measure)
        for arm in ("call", "mail")
        for by, group, measure in (
            ("all", "", "retained"),
            ("all", "", "revenue"),
            ("segment", "loyal", "retained"),
        )
    ]
    effect = report.arms[0].groups[0].found.effect
    assert (found[2].lift, found[2].low, found[2].high) == (effect.value, effect.low, effect.high)
    assert (found[2].customers, found[2].controls, found[2].campaigns) == (100, 100, ("spring",))


def test_nothing_is_kept_before_the_end() -> None:
    assert effects_of(_report(final=False)) == []


def test_campaigns_count_by_their_inverse_variance() -> None:
    """Weights 1 / .01² and 1 / .02²: 4 to 1."""
    both = [_effect(0.1, 0.01), _effect(0.2, 0.02, "autumn")]
    alone = [_effect(0.3, 0.1, action="mail"), _effect(0.3, 0.1, by="segment", group="loyal")]
    found = pooled([*both, *alone])
    assert len(found) == 3
    together = found[0]
    error = math.sqrt(1 / (1 / 0.01**2 + 1 / 0.02**2))
    assert together.lift == pytest.approx(0.12)
    assert (together.low, together.high) == pytest.approx((0.12 - 1.959964 * error, 0.12 + 1.959964 * error))
    assert (together.customers, together.controls, together.campaigns) == (200, 120, ("autumn", "spring"))
    assert found[1:] == [alone[1], alone[0]]


@pytest.mark.parametrize(("customers", "controls", "missing"), [(50, 50, 0), (49, 50, 1), (900, 20, 30), (0, 0, 100)])
def test_an_action_counts_from_50_with_and_50_without_it(customers: int, controls: int, missing: int) -> None:
    assert needs_more(_effect(0.1, 0.01, customers=customers, controls=controls)) == missing


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    stores = StoreSettings(data=tmp_path)
    assert load_effects(stores) == ()
    effects = (_effect(0.1, 0.01), _effect(-0.2, 0.02, by="reason", group="很久没来"))
    save_effects(stores, effects)
    assert load_effects(stores) == effects
    save_effects(stores, effects[:1])
    assert load_effects(stores) == effects[:1]
    assert [path.name for path in tmp_path.iterdir()] == ["effects.json"]


@pytest.mark.parametrize("content", ["", "{}", '{"effects": [{"action": "call"}]}', "[1]"])
def test_a_broken_file_says_so(tmp_path: Path, content: str) -> None:
    (tmp_path / "effects.json").write_text(content)
    with pytest.raises(StateError, match=r"effects\.json should hold measured effects.*Remove it"):
        load_effects(StoreSettings(data=tmp_path))


def test_the_file_is_json(tmp_path: Path) -> None:
    save_effects(StoreSettings(data=tmp_path), [_effect(0.1, 0.01)])
    (row,) = json.loads((tmp_path / "effects.json").read_text())["effects"]
    assert (row["action"], row["lift"], row["campaigns"]) == ("call", 0.1, ["spring"])
