"""Facts about products that match no product."""

from features.contract.unmatched import unmatched

SOLD = [str(number) for number in range(100, 150)]


def test_ids_with_zeros_are_most_likely_those_without() -> None:
    facts = [f"000{number}" for number in range(100, 140)] + ["141"]
    found = unmatched("stock.csv", facts, "order lines", SOLD)
    assert found is not None
    assert (found.products, found.unmatched, found.there, found.lacking, found.alike) == (41, 40, 50, 49, 40)
    assert found.text == (
        "40 of 41 products of stock.csv do not occur in order lines, such as 000100 (order lines have 100), 000101 "
        "(order lines have 101), 000102 (order lines have 102); 49 of 50 products in order lines are not in it. 40 of "
        "the ids are probably written in two ways. Write them in one, for example with an expression in `columns`."
    )


def test_signs_capitals_and_words_around_a_number_are_seen() -> None:
    found = unmatched("margins", ["ab-12", "SKU-4711", "x", "Ab 13"], "order lines", ["AB12", "4711", "AB13", "Y"])
    assert found is not None
    assert dict(found.examples) == {"ab-12": "AB12", "Ab 13": "AB13", "SKU-4711": "4711"}
    assert (found.unmatched, found.alike) == (4, 3)


def test_what_could_be_several_products_is_none_of_them() -> None:
    found = unmatched("margins", ["a-1", "z"], "order lines", ["A1", "a 1"])
    assert found is not None
    assert found.alike == 0
    assert "Check that both name products by the same id" in found.text


def test_a_catalogue_may_know_more_products_than_were_sold() -> None:
    assert unmatched("catalogue.csv", [*SOLD, "new", "000100"], "order lines", SOLD) is None
    assert unmatched("catalogue.csv", SOLD[:10], "order lines", SOLD) is None


def test_rules_are_about_some_products_only() -> None:
    assert unmatched("the rules", ["100"], "the data", SOLD, few=True) is None
    found = unmatched("the rules", ["100", "0101"], "the data", SOLD, few=True)
    assert found is not None
    assert "1 of 2 products of the rules do not occur in the data, such as 0101 (the data have 101). 1 of" in found.text
