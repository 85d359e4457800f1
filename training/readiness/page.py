"""The data report as one HTML file without anything outside of it."""

from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from core.settings import Settings, StoreSettings
from training.churn.settings import ChurnSettings
from training.readiness import pictures
from training.readiness.check import Checked


def page_path(stores: StoreSettings) -> Path:
    """Return the file that `encore check-data` writes unless another one is named."""
    return stores.data / "check.html"


def page(checked: Checked, settings: Settings) -> str:
    """Write the report as HTML, pictures included."""
    template = (resources.files("training.readiness") / "page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    drawn = {"reach": pictures.reach(checked)}
    if checked.silence is not None:
        drawn["comes_back"] = pictures.comes_back(checked.silence, settings[ChurnSettings].activity_window_days)
        drawn["gaps"] = pictures.gaps(checked.silence)
    return environment.from_string(template).render(
        checked=checked,
        churn=settings[ChurnSettings],
        pictures={name: Markup(svg) for name, svg in drawn.items()},  # noqa: S704 - drawn by ourselves, from numbers
    )
