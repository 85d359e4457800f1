"""Values that come in wrong without a word: ids, dates, equal lines, currencies."""

import unicodedata
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pytest

from core.errors import DataError
from features.contract.ids import PLACEHOLDERS, canonical_id, is_visible
from features.ingest.macros import define_macros
from tests.features.ingest.exports import COLUMNS, ORDERS, ingest, orders, settings_of, table

HEADER = "cust,order,sku,when,qty,price"


def rows(folder: Path, *lines: str, header: str = HEADER, name: str = "orders.csv") -> None:
    orders(folder, "\n".join([header, *lines]) + "\n", name)


@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("00123", "00123"),
        ('="00123"', "00123"),
        ("'00501", "00501"),
        ("12748.0", "12748"),
        ("\tA 1\r\n", "A 1"),
        ('\'="7"', "7"),
        ("12748.00", "12748"),
        ("1.5", "1.5"),
        ("v1.0", "v1.0"),
        ("\ufeffa\u200b-1", "a-1"),
        ("e\u0301", "\u00e9"),
        ("\u3000王\u00a0", "王"),
        ("Nullarbor", "Nullarbor"),
        ("na", "na"),
        ("", None),
        ("\u2066\u200b \u3164\x07", None),
        ("\x7f", None),
        ("a\u2066", "a\u2066"),
        ("NA", None),
        *((word, None) for word in sorted(PLACEHOLDERS)),
        *((f" {word.upper()}\u00a0", None) for word in sorted(PLACEHOLDERS)),
    ],
)
def test_ids_have_one_canonical_form(text: str, one: str | None) -> None:
    with duckdb.connect() as con:
        define_macros(con, ".")
        assert con.execute("SELECT canonical(?)", [text]).fetchall() == [(one,)]
    if one is not None:
        assert canonical_id(text) == one


def test_a_sign_is_an_id_where_a_reader_sees_it() -> None:
    """The same in exports and in events; of signs that are new in Unicode the engine and Python know different ones."""
    ranges = (range(1, 0x3400), range(0xA000, 0xD800), range(0xE000, 0x10000), range(0x1F600, 0x1F650))
    signs = [chr(number) for number in chain(*ranges, range(0xE0000, 0xE0200))]
    signs = [sign for sign in signs if unicodedata.category(sign) != "Cn"]
    with duckdb.connect() as con:
        define_macros(con, ".")
        query = "SELECT x FROM (SELECT unnest(?) AS x) WHERE canonical(x) IS NULL ORDER BY x"
        unseen = {str(sign) for (sign,) in con.execute(query, [signs]).fetchall()}
    assert unseen == {sign for sign in signs if not is_visible(canonical_id(sign))}
    assert set("\u180e\u2066\u3164\u2800\x07\x7f\x85\U000e0041\ufe0f") <= unseen
    assert unseen.isdisjoint('-_."#,a1é가ก€🙂')


def test_words_for_nothing_are_missing_and_no_customers(tmp_path: Path) -> None:
    rows(tmp_path, *(f"{word},1,x,2024-01-01,1,1" for word in ("NULL", "nan", "N/A", "none", "c1")))
    item = {"skip": {"guest": "canonical(cust) IS NULL"}, "columns": {**COLUMNS, "channel": "'NaN'"}}
    totals = ingest(settings_of(tmp_path, item)).inputs[0].totals
    assert (totals.kept, totals.skipped) == (1, {"guest": 4})
    assert table(tmp_path, "transactions")["channel"].isna().all()


def test_ids_of_spreadsheets_are_those_of_the_other_exports(tmp_path: Path) -> None:
    rows(tmp_path, '"=""00123""",1,\'00501,2024-01-01,1,1', "00123,2.0,00501,2024-01-02,1,1")
    ingest(settings_of(tmp_path))
    frame = table(tmp_path, "transactions", "order_id")
    assert (set(frame["customer_id"]), set(frame["product_id"])) == ({"00123"}, {"00501"})
    assert frame["order_id"].tolist() == ["1", "2"]


def test_ids_whose_digits_a_spreadsheet_has_cut_are_rejected_with_the_remedy(tmp_path: Path) -> None:
    rows(tmp_path, *(f"1.23E+11,{n},x,2024-01-01,1,1" for n in range(3)), "1E5,4,x,2024-01-01,1,1")
    with pytest.raises(DataError, match=r"digits lost in customer_id \(3 rows.*1\.23E\+11.*export ids as texts"):
        ingest(settings_of(tmp_path))
    assert ingest(settings_of(tmp_path, max_rejected_share=0.9)).rows["transactions"] == 1


def test_equal_lines_are_those_that_are_equal_in_the_source(tmp_path: Path) -> None:
    rows(tmp_path, "c1,1,x,2024-01-01,1,5,1", "c1,1,x,2024-01-01,1,5,2", header=HEADER + ",line", name="o-1.csv")
    rows(tmp_path, "c1,1,x,2024-01-01,1,5,2", "c1,1,x,2024-01-01,1,5,3", header=HEADER + ",line", name="o-2.csv")
    totals = ingest(settings_of(tmp_path, {"path": "o-*.csv"}, keys={"transactions": ["*"]})).inputs[0].totals
    assert (totals.read, totals.kept, totals.merged) == (4, 3, 1)
    assert "_origin" not in table(tmp_path, "transactions")


def test_a_column_without_a_value_makes_no_line_another(tmp_path: Path) -> None:
    rows(tmp_path, "c1,1,x,2024-01-01,1,5", name="o-1.csv")
    rows(tmp_path, "c1,1,x,2024-01-01,1,5,", "c1,1,x,2024-01-01,1,5,gift", header=HEADER + ",note", name="o-2.csv")
    totals = ingest(settings_of(tmp_path, {"path": "o-*.csv"}, keys={"transactions": ["*"]})).inputs[0].totals
    assert (totals.kept, totals.merged) == (2, 1)


def dated(folder: Path, *days: str, name: str = "orders.csv") -> None:
    rows(folder, *(f"c{n},{n},x,{day},1,1" for n, day in enumerate(days)), name=name)


BOTH = {"dates": ["%d/%m/%Y", "%m/%d/%Y"]}


def test_day_and_month_are_told_apart_by_all_dates_of_a_file(tmp_path: Path) -> None:
    dated(tmp_path, "03/04/2024", "13/04/2024", name="store-1.csv")
    dated(tmp_path, "03/04/2024", "04/13/2024", name="store-2.csv")
    ingest(settings_of(tmp_path, {"path": "store-*.csv"} | BOTH))
    assert sorted(table(tmp_path, "transactions")["event_timestamp"].dt.strftime("%m-%d")) == [
        "03-04",
        "04-03",
        "04-13",
        "04-13",
    ]


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (["03/04/2024", "05/06/2024"], r"every date fits both %d/%m/%Y and %m/%d/%Y.*Keep one of them in `dates`"),
        (["13/04/2024", "04/13/2024"], r"day first and dates with the month first, such as 13/04/2024 and 04/13/2024"),
    ],
)
def test_dates_that_do_not_say_which_number_is_the_day_are_an_error(
    tmp_path: Path, days: list[str], words: str
) -> None:
    dated(tmp_path, *days)
    with pytest.raises(DataError, match=r"orders\.csv: .*" + words):
        ingest(settings_of(tmp_path, BOTH))


def test_dates_that_a_spreadsheet_has_turned_are_an_error_until_they_are_turned_back(tmp_path: Path) -> None:
    # month/day/year, opened where the day comes first: what can be a date is one, with day and month exchanged
    truth = [(month, day) for month in (2, 3, 4) for day in range(1, 29)]
    written = [f"2024-{d:02}-{m:02}" if d <= 12 else f"{m:02}/{d:02}/2024" for m, d in truth]
    dated(tmp_path, *written)
    item: dict[str, Any] = {"dates": ["%Y-%m-%d", "%m/%d/%Y"]}
    with pytest.raises(DataError, match=r"36 are dates such as 2024-.*48 are texts such as .*Map it with turned"):
        ingest(settings_of(tmp_path, item))
    ingest(settings_of(tmp_path, {"columns": {**COLUMNS, "event_timestamp": "turned(\"when\", ['%m/%d/%Y'])"}}))
    moments = table(tmp_path, "transactions", "order_id::INT")["event_timestamp"]
    assert [(moment.month, moment.day) for moment in moments] == truth


def test_moments_with_a_blank_before_the_offset_and_days_of_a_spreadsheet_are_read(tmp_path: Path) -> None:
    dated(tmp_path, "2024-01-01 09:00:00 +0200", "2024-01-01 09:00:00 +02:00", "45292", "45292.5")
    ingest(settings_of(tmp_path, timezone="Europe/Berlin"))
    moments = table(tmp_path, "transactions", "order_id")["event_timestamp"].dt.strftime("%d %H:%M").tolist()
    assert moments == ["01 07:00", "01 07:00", "31 23:00", "01 11:00"]


def test_amounts_in_several_currencies_are_never_added_up(tmp_path: Path) -> None:
    orders(tmp_path, ORDERS.replace(",1.50", ",€1.50").replace(",4.00", ",£4.00"))
    columns = {**COLUMNS, "amount": "price"}
    with pytest.raises(DataError, match=r"in one currency, found EUR \(2 rows\), GBP \(1 rows\)"):
        ingest(settings_of(tmp_path, {"columns": columns}))
    skip = {"other_currency": "currency(price) <> '€'"}
    assert ingest(settings_of(tmp_path, {"columns": columns, "skip": skip})).rows["transactions"] == 2


def test_a_column_of_currencies_is_looked_at_though_nothing_is_mapped_to_it(tmp_path: Path) -> None:
    rows(tmp_path, "a,1,x,2024-01-01,1,5,EUR", header=HEADER + ",Currency", name="orders-1.csv")
    rows(tmp_path, "a,2,x,2024-01-01,1,5,usd", header=HEADER + ",Currency", name="orders-2.csv")
    with pytest.raises(DataError, match=r"found EUR \(1 rows\), USD \(1 rows\)"):
        ingest(settings_of(tmp_path, {"path": "orders-*.csv"}))
    converted = {**COLUMNS, "amount": "price * CASE \"Currency\" WHEN 'usd' THEN 0.9 ELSE 1 END"}
    ingest(settings_of(tmp_path, {"path": "orders-*.csv", "columns": converted}))
    assert sorted(table(tmp_path, "transactions")["amount"]) == [4.5, 5.0]


def test_a_sign_and_its_code_are_one_currency(tmp_path: Path) -> None:
    rows(
        tmp_path,
        "a,1,x,2024-01-01,1,€5",
        "a,2,x,2024-01-01,1,EUR 5",
        "a,3,x,2024-01-01,1,5 EUR",
        "a,4,x,2024-01-01,1,5",
    )
    assert ingest(settings_of(tmp_path, {"columns": {**COLUMNS, "amount": "price"}})).rows["transactions"] == 4


def test_a_condition_that_looks_at_other_rows_names_its_place_and_the_way_to_write_it(tmp_path: Path) -> None:
    orders(tmp_path)
    window = {"skip": {"late": "max(\"when\") OVER (PARTITION BY cust) > '2024'"}}
    with pytest.raises(DataError, match=r"condition `skip\.late`, max.*other rows.*Compute it in a query"):
        ingest(settings_of(tmp_path, window))
    with pytest.raises(DataError, match=r"the mapping of 'amount', sum\(price\), looks at other rows"):
        ingest(settings_of(tmp_path, {"columns": {**COLUMNS, "amount": "sum(price)"}}))
    assert not (tmp_path / "state/contract").exists()
