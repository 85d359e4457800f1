"""The data report as one HTML file without anything outside of it."""

from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from training.readiness import pictures
from training.readiness.check import Checked


def page(checked: Checked) -> str:
    """Write the report as HTML, pictures included."""
    template = (resources.files("training.readiness") / "page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    figures = {"reach": pictures.reach(checked)}
    if checked.silence is not None:
        figures["gaps"] = pictures.gaps(checked.silence)
    of_models = {title: draw() for fitness in checked.fitness for title, draw in fitness.pictures.items()}
    return environment.from_string(template).render(
        checked=checked,
        pictures={name: Markup(pictures.svg(figure)) for name, figure in figures.items()},  # noqa: S704 - from numbers
        model_pictures={title: Markup(pictures.svg(figure)) for title, figure in of_models.items()},  # noqa: S704
    )
