"""Templates to answers: what every page has, and the functions that templates write texts and numbers with."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from serving.access.keys import Role
from serving.console.assets import address_of
from serving.console.visitors import Reader, Visitor
from serving.explain.fields import channel_of
from serving.explain.language import title_in

_TEMPLATES = Environment(
    loader=PackageLoader("serving.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals["asset"] = address_of


@dataclass(frozen=True)
class Entry:
    """A page of the menu.

    Attributes
    ----------
    key
        Names its texts, `menu.<key>`.
    role
        Who sees it.
    """

    key: str
    path: str
    role: Role = "viewer"


#: The menu, in its order.
MENU: list[Entry] = [
    Entry("today", "/console/"),
    Entry("customers", "/console/customers"),
    Entry("segments", "/console/segments"),
    Entry("contact", "/console/contact"),
    Entry("campaigns", "/console/campaigns"),
    Entry("models", "/console/models", "analyst"),
    Entry("data", "/console/data", "analyst"),
]


def render(reader: Reader, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Return a page, or the fragment of one where the template is a fragment.

    Parameters
    ----------
    template
        Its name without the ending; the first part up to a slash or the whole is the page of the menu.
    values
        What the template shows. Texts in it are escaped.
    """
    return HTMLResponse(_TEMPLATES.get_template(f"{template}.html").render(_shared(reader) | values), status)


def is_fragment(request: Request) -> bool:
    """Tell whether htmx asks for a part of a page, rather than a browser for all of it."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-history-restore-request") != "true"


def _shared(reader: Reader) -> dict[str, Any]:
    words = reader.words
    visitor = reader if isinstance(reader, Visitor) else None
    return {
        "reader": reader,
        "visitor": visitor,
        "words": words,
        "say": words.say,
        "has": words.has,
        "plural": words.plural,
        "number": words.number,
        "plain": words.plain,
        "percent": words.percent,
        "money": lambda value: words.amount(value, "money"),
        "date": words.date,
        "last_day": words.last_day,
        "moment": words.moment,
        "title_in": lambda titles, name: title_in(titles, reader.language, name),
        "channel_name": partial(channel_of, words),
        "menu": [entry for entry in MENU if visitor is not None and visitor.may(entry.role)],
        "path": reader.request.url.path,
        "address": reader.request.url.path + (f"?{reader.request.url.query}" if reader.request.url.query else ""),
    }
