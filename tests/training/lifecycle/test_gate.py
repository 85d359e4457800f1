"""The gate's own rules."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import typer

from serving.cli import demo, train
from serving.cli.context import Context
from serving.settings import load_settings
from tests.conftest import inside
from training.evaluation.alone import Strongest
from training.lifecycle.gate import SUSPICIOUS, decide
from training.lifecycle.settings import TrackingSettings
from training.lifecycle.tracking import Tracking
from training.model import Fitted
from training.registry import MODELS

CONFIG = """
threads = 2
[time]
snapshot_spacing_days = 28
[churn]
kind = "contractual"
horizon_days = 28
[data]
source = "files"
root = "."
[[data.inputs]]
table = "subscriptions"
path = "contracts.csv"
"""


def fitted(strongest: Strongest | None) -> Fitted[Any]:
    return cast("Fitted[Any]", type("Fitted", (), {"strongest": strongest}))


@pytest.mark.parametrize("strongest", [None, Strongest("recency_days", SUSPICIOUS - 0.001, "churn.trusted_features")])
def test_a_feature_that_helps_passes(strongest: Strongest | None) -> None:
    assert decide(fitted(strongest), None).passes


def test_a_feature_that_separates_nearly_perfectly_is_named_with_its_figure_and_what_to_do() -> None:
    decision = decide(fitted(Strongest("attribute_status", 0.993, "churn.trusted_features")), None)
    assert not decision.passes
    for words in ("attribute_status", "0.993", "known only later", 'churn.trusted_features = ["attribute_status"]'):
        assert words in decision.reason


def write_contracts(folder: Path, known: str) -> None:
    """Contracts that run on, until their end is filled in when the customer leaves, at random."""
    rng, start = np.random.default_rng(5), datetime(2023, 1, 1, tzinfo=UTC)
    lines = ["customer_id,start_timestamp,end_timestamp,price,known"]
    for number in range(500):
        began = start + timedelta(days=int(rng.integers(0, 600)))
        end = began + timedelta(days=int(rng.exponential(500)) + 1)
        left = f"{end:%Y-%m-%d}" if end < start + timedelta(days=640) else ""
        lines.append(f"c{number},{began:%Y-%m-%d},{left},{rng.integers(5, 20)},{began:%Y-%m-%d}")
    (folder / "contracts.csv").write_text("\n".join(lines))
    (folder / "encore.toml").write_text(CONFIG + known)


@pytest.mark.world
def test_an_end_that_is_filled_in_later_is_not_known_before_and_is_suspected_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    churn = next(one for one in MODELS if one.name == "churn")
    with inside(tmp_path):
        write_contracts(tmp_path, '[data.inputs.columns]\nend_known_timestamp = "known"\n')
        with pytest.raises(typer.Exit) as left:
            demo.run_demo(Context(None), serve=False)
        said = capsys.readouterr().out
        assert left.value.exit_code == train.NOT_PROMOTED
        assert "days_to_contract_end alone separates the outcomes with an AUC of 1.000" in said
        assert "No model is promoted, so nothing can be served." in said
        version = Tracking(load_settings()[TrackingSettings]).find(churn.registered_name, "challenger")
        assert version is not None
        assert version.metrics["champion.roc_auc"] > SUSPICIOUS
        write_contracts(tmp_path, "")
        demo.run_demo(Context(None), serve=False)
        promoted = Tracking(load_settings()[TrackingSettings]).champion(churn.registered_name)
        assert promoted.metrics["champion.roc_auc"] < 0.75
