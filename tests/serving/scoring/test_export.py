"""Exported lists: what a spreadsheet program must not run, and that erasure finds the rows again."""

import csv
from pathlib import Path

import pandas as pd
import pytest

from core.settings import StoreSettings
from core.spreadsheets import guarded
from serving.privacy.lists import erase_lists
from serving.scoring.export import write_list
from serving.settings import default_settings

FORMULAS = ['=HYPERLINK("http://x")', "+1", "-7", "@SUM(1)", "\t=1", "\r=1\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"]


def cells(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_could_be_a_formula_is_guarded_in_csv_alone(tmp_path: Path, text: str) -> None:
    frame = pd.DataFrame({"customer_id": [text, "17"], "reason_1": ["a = b", None], "change": [-0.5, 2.0]})
    for ending in ("csv", "parquet"):
        write_list(frame, tmp_path / f"lists/scores.{ending}")
    assert cells(tmp_path / "lists/scores.csv")[1:] == [[f"'{text}", "a = b", "-0.5"], ["17", "", "2.0"]]
    assert pd.read_parquet(tmp_path / "lists/scores.parquet")["customer_id"].tolist() == [text, "17"]


def test_other_texts_are_as_they_are() -> None:
    for text in ("", "17", "a=1", "O'Neill", "'00501", "1-2", "茶"):
        assert guarded(text) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_erasure_finds_a_guarded_id(tmp_path: Path, text: str) -> None:
    frame = pd.DataFrame({"customer_id": [text, f"{text}2", f"{text}2"], "risk": [0.5, 0.4, 0.3]})
    write_list(frame, tmp_path / "scores.csv")
    with (tmp_path / "earlier.csv").open("w", encoding="utf-8-sig", newline="") as file:  # without guards
        csv.writer(file).writerows([frame.columns, *frame.itertuples(index=False)])
    assert erase_lists(default_settings(StoreSettings(data=tmp_path)), text) == 2
    assert cells(tmp_path / "scores.csv")[1:] == [[f"'{text}2", "0.4"], [f"'{text}2", "0.3"]]
    assert cells(tmp_path / "earlier.csv")[1:] == [[f"{text}2", "0.4"], [f"{text}2", "0.3"]]
