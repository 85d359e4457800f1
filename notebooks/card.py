"""Draw the cards of docs/explanations.md: a customer of what the demo left, as a marketer reads it.

`python -m notebooks.card CUSTOMER`, run in the folder of the demo, writes docs/pictures/card_<language>.svg.
"""

import sys
from html import escape
from pathlib import Path

from rich.cells import cell_len, chop_cells

from serving.cli.asking import Asking
from serving.cli.context import Context
from serving.explain.language import LANGUAGES, Language
from serving.explain.wording import make_writers
from serving.scoring.part import Question
from serving.settings import TextSettings

_PICTURES = Path(__file__).parents[1] / "docs/pictures"
_WIDTH, _LINE, _MARGIN = 840, 24, 28
#: Cells of a line of text; an ideograph takes two.
_CELLS = 92
_RED, _GREEN, _GREY = "#b42318", "#067647", "#667085"


def draw(asking: Asking, context: Context, customer: str, language: Language) -> str:
    """Return the card of a customer as SVG."""
    one = asking.one(Question((customer,), ("risk", "reasons", "action", "what_if"), language))
    risk, reasons, action, change = (one.parts[name].value for name in ("risk", "reasons", "action", "what_if"))
    writer = make_writers(context.settings[TextSettings])[language]
    lines: list[tuple[int, str, str]] = [(0, f"font-weight:600;fill:{_GREY}", customer)]
    lines += [(0, "font-weight:600", text) for text in _wrapped(risk.text)]
    for sign, colour, listed in (("▲", _RED, reasons.reasons), ("▼", _GREEN, reasons.strengths)):
        for reason in listed:
            lines += [(0, f"font-weight:600;fill:{colour}", f"{sign} {reason.title}  {writer.percent(reason.share)}")]
            lines += [(20, "", text) for text in _wrapped(reason.text)]
    for name, step in (("action", action.now), ("next_action", action.then)):
        if step is not None:
            todo = writer.say(f"heading.{name}", text=step.text)
            lines += [(0, "font-weight:600", text) for text in _wrapped(todo)]
    if change.what_if is not None:
        lines += [(0, f"fill:{_GREY}", text) for text in _wrapped(change.what_if.text)]
    height = 2 * _MARGIN + _LINE * len(lines)
    texts = "\n".join(
        f'<text x="{_MARGIN + indent}" y="{_MARGIN + _LINE * (place + 0.7):.0f}" style="{style}">{escape(text)}</text>'
        for place, (indent, style, text) in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'font-family="sans-serif" font-size="15" fill="#101828">\n'
        f'<rect x="1" y="1" width="{_WIDTH - 2}" height="{height - 2}" rx="12" fill="white" stroke="#d0d5dd"/>\n'
        f"{texts}\n</svg>\n"
    )


def _wrapped(text: str) -> list[str]:
    """Break a text at blanks, or at any ideograph, where a line is full."""
    if cell_len(text) > len(text) * 1.3:
        return chop_cells(text, _CELLS)
    lines = [""]
    for word in text.split(" "):
        if cell_len(f"{lines[-1]} {word}") > _CELLS:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines


def main() -> None:
    """Write a picture for each language."""
    context = Context(None)
    asking = Asking(context)
    for language in LANGUAGES:
        picture = draw(asking, context, sys.argv[1], language)
        (_PICTURES / f"card_{language}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
