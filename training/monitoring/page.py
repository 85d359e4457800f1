"""What monitoring found as one HTML file without anything outside of it."""

from collections.abc import Iterator
from importlib import resources
from math import isnan

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure as Picture

from training.monitoring import pictures
from training.monitoring.monitor import InUse, Monitored
from training.monitoring.report import bands_of, sheets
from training.names import title_of
from training.readiness.pictures import svg


def page(found: Monitored) -> str:
    """Write the tables of the report as HTML, each below its pictures."""
    template = (resources.files("training.monitoring") / "page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    drawn: dict[str, list[Markup]] = {}
    tables = sheets(found)
    for title, picture in _pictures(found):
        place = next((sheet.title for sheet in tables if sheet.title.startswith(title)), title)
        drawn.setdefault(place, []).append(Markup(svg(picture)))  # noqa: S704 - from numbers
    return environment.from_string(template).render(as_of=found.as_of, sheets=tables, pictures=drawn)


def _pictures(found: Monitored) -> Iterator[tuple[str, Picture]]:
    """Yield each picture with the beginning of the title of its table."""
    for one in found.models:
        yield from _of_model(title_of(one.model).capitalize(), one)
    for figure in found.figures:
        rules = [rule for rule in found.judged if rule.measure == figure.measure]
        if rules and not all(map(isnan, figure.history)):
            picture = pictures.figure(figure, rules)
            picture.suptitle(rules[0].text.partition(":")[0], fontsize=9)
            yield "Alerts", picture


def _of_model(title: str, one: InUse) -> Iterator[tuple[str, Picture]]:
    if one.weeks:
        yield f"{title}: answers", pictures.by_week(one, "roc_auc", "AUC")
        yield f"{title}: answers", pictures.by_week(one, "churn_rate", "churn rate")
    if bands_of(one.weeks):
        yield f"{title}: who left", pictures.bands(one)
    if one.offers:
        yield f"{title}: offers shown", pictures.offers(one)
    if one.drift is not None:
        yield f"{title}: drift", pictures.drift(one.drift)
