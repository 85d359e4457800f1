"""What the data check found is kept, without customers, beside the present settings."""

from pathlib import Path

from core.settings import StoreSettings
from tests.features.ingest.exports import NOW, ingest, settings_of
from tests.training.readiness.test_check import HEADER, models, orders
from training.churn.settings import ChurnSettings
from training.readiness.kept import check_and_keep, read_kept


def test_verdicts_and_recommended_settings_are_kept(tmp_path: Path) -> None:
    lines = orders(customers=150, days=300, pace=10, leave=200)
    # the report names an id that has most of the orders
    lines = [
        f"Jane Doe,{line.partition(',')[2]}" if line[:3] in {"c1,", "c3,", "c5,", "c7,"} else line for line in lines
    ]
    (tmp_path / "orders.csv").write_text(HEADER + "".join(lines))
    settings = settings_of(tmp_path, {"columns": {}}).replaced(ChurnSettings(horizon_days=7))
    stores = settings[StoreSettings]
    assert read_kept(stores) is None
    ingest(settings, NOW)
    checked = check_and_keep(settings, NOW, models())
    kept = read_kept(stores)
    assert kept is not None
    assert (kept.at, kept.as_of, kept.freshness) == (NOW, checked.as_of, checked.freshness)
    assert [(one.model, one.verdict, one.findings) for one in kept.models] == [
        (one.model, one.verdict, one.findings) for one in checked.fitness
    ]
    horizon = next(one for one in kept.recommended(settings) if one.key == "churn.horizon_days")
    assert horizon.present == 7
    assert horizon.value != 7
    assert any("Jane Doe" in text for text in checked.observations)
    assert "Jane Doe" not in (stores.data / "checked.json").read_text()
