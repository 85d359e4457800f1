"""Model cards are shown safely, whatever they hold."""

from serving.console.markdown import as_html


def test_html_and_scripts_are_shown_as_text() -> None:
    shown = as_html(
        "<script>alert(1)</script>\n\n[go](javascript:alert(1)) <img src=x onerror=alert(1)> ![p](//x/y.png)"
    )
    for tag in ("<script", "<img", 'href="javascript'):
        assert tag not in shown
    assert "&lt;script&gt;" in shown


def test_headings_are_below_those_of_the_page_and_tables_name_their_columns() -> None:
    shown = as_html("# Card\n\n## Part\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n")
    assert "<h3>Card</h3>" in shown
    assert "<h4>Part</h4>" in shown
    assert '<th scope="col">a</th>' in shown
