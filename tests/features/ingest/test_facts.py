"""Inputs of products that match no order line are reported by ingestion and by the data check."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.cli.app import app
from tests.features.ingest.exports import COLUMNS, NOW, ingest, settings_of
from training.readiness.check import check_data
from training.readiness.page import page

_HEAD = "cust,order,sku,when,qty,price\n"
_SOLD = range(100, 130)


def write(folder: Path, **facts: list[str]) -> list[dict[str, Any]]:
    """Write order lines of 30 products, and files of facts; return the inputs."""
    lines = [
        f"c{n % 7},o{n},{product},2024-{n % 9 + 1:02}-{n * n % 28 + 1:02} 10:00:00,1,2.50\n"
        for n, product in enumerate(_SOLD)
    ]
    (folder / "orders.csv").write_text(_HEAD + "".join(lines))
    inputs: list[dict[str, Any]] = [{}]
    for name, ids in facts.items():
        (folder / f"{name}.csv").write_text("item,left\n" + "".join(f"{one},5\n" for one in ids))
        columns = {"product_id": "item", "name": "'goods ' || item"}
        inputs.append({"table": "products", "path": f"{name}.csv", "columns": columns})
    return inputs


@pytest.mark.parametrize(
    ("form", "alike"), [("00{}", True), ("SKU-{}", True), (" {}-", True), ("{}9999", False), ("x{}y7", False)]
)
def test_ids_in_two_spellings_are_reported(tmp_path: Path, form: str, alike: bool) -> None:
    stock = [form.format(product) for product in _SOLD if product < 125]
    settings = settings_of(tmp_path, *write(tmp_path, stock=stock))
    (one,) = ingest(settings).unmatched
    assert (one.source, one.products, one.unmatched, one.lacking, one.there) == ("stock.csv", 25, 25, 30, 30)
    assert (one.alike == 25) == alike
    assert ingest(settings).unmatched == (one,)  # read nothing, says the same
    checked = check_data(settings, NOW, [])
    assert checked.unmatched == (one,)
    assert "25 of 25 products of stock.csv do not occur in order lines" in page(checked)


def test_one_of_two_files_is_reported_though_the_other_one_fits(tmp_path: Path) -> None:
    fits = [str(product) for product in _SOLD]
    inputs = write(tmp_path, catalogue=[*fits, "999"], stock=[f"0{product}" for product in fits])
    assert [one.source for one in ingest(settings_of(tmp_path, *inputs)).unmatched] == ["stock.csv"]


def test_catalogues_that_complete_each_other_are_not(tmp_path: Path) -> None:
    ids = [str(product) for product in _SOLD]
    inputs = write(tmp_path, food=[*ids[:10], "7001"], rest=[*ids[10:], "8001"])
    assert ingest(settings_of(tmp_path, *inputs)).unmatched == ()
    assert ingest(settings_of(tmp_path, {"columns": COLUMNS})).unmatched == ()


def test_the_commands_print_what_does_not_match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, stock=[f"00{product}" for product in _SOLD])
    (tmp_path / "margin.csv").write_text("product_id,stock\n" + "".join(f"P-{product},5\n" for product in _SOLD))
    (tmp_path / "rules.toml").write_text('facts = "margin.csv"\n[block]\nproducts = ["100", "0101"]\n')
    columns = "".join(f'{name} = "{expression}"\n' for name, expression in COLUMNS.items())
    (tmp_path / "encore.toml").write_text(
        f"""[data]
source = "files"
root = "{tmp_path}"
[[data.inputs]]
table = "transactions"
path = "orders.csv"
[data.inputs.columns]
{columns}
[[data.inputs]]
table = "products"
path = "stock.csv"
[data.inputs.columns]
product_id = "item"
[serving]
rules = "rules.toml"
"""
    )
    monkeypatch.chdir(tmp_path)

    def printed(command: str) -> str:
        done = CliRunner().invoke(app, [command])
        assert done.exit_code == 0, done.output
        return done.output

    for command in ("ingest", "check-data"):
        output = printed(command)
        assert "Warning: 30 of 30 products of stock.csv do not occur in order lines, such as 00100" in output
        assert "Warning: 30 of 30 products of margin.csv do not occur in the data, such as P-100" in output
        assert "Warning: 1 of 2 products of the rules do not occur in the data, such as 0101" in output
    (tmp_path / "rules.toml").write_text("no_rule = 1")
    assert "Warning: " in (output := printed("ingest"))
    assert "no_rule" in output  # the rules cannot be read, and the data are there all the same
