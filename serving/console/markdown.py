"""Model cards as HTML: Markdown whose own HTML is shown as text, below the headings of a page."""

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

#: HTML in the text is escaped; addresses that run scripts are none. Pictures would be those of other servers.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
#: The level below which the headings of a text are: those of the page are 1 and 2.
_BELOW = 2


def as_html(text: str) -> Markup:
    """Write Markdown as HTML that is safe to show, whatever it holds."""
    tokens = _MARKDOWN.parse(text)
    _lower(tokens)
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 - its HTML is escaped


def _lower(tokens: Sequence[Token]) -> None:
    """Put headings below those of the page, and name the columns of tables as such."""
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1:]) + _BELOW)}"
        elif token.type == "th_open":
            token.attrSet("scope", "col")
