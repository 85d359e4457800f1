"""Workspaces: another configuration with features and runs of its own, beside the deployment that serves.

A workspace reads the contract tables of the deployment, takes its feature partitions where they are equal, and logs to
the same MLflow, under names of its own. It writes to no file that the deployment reads.
"""

import re
import tomllib
from pathlib import Path

from core.errors import ConfigError
from core.settings import DEFAULT_CONFIG, Settings, StoreSettings, workspace_folder
from core.settings.load import load_settings as load
from features.services import ModelSettings
from features.settings import CustomerSettings, FeatureSettings, TimeSettings
from serving.settings import load_settings, sections
from training.lifecycle.settings import TrackingSettings

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
#: The sections that decide features and models; those of the models come with them.
_SECTIONS = (TimeSettings, CustomerSettings, FeatureSettings)


def load_workspace(path: Path | None, name: str) -> Settings:
    """Read the settings of a workspace: those of the deployment, with `workspaces/<name>.toml` over them.

    A model whose labels reach further than in the deployment is tested at the last snapshots that have complete labels,
    unless the file names others.

    Parameters
    ----------
    path
        The file of the deployment; None as for `load_settings`. The folder `workspaces` is beside it.

    Raises
    ------
    ConfigError
        If the name or a value is not acceptable, the file is missing, or sets what the deployment alone decides.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"Expected a name of a workspace of lower-case letters, digits and hyphens, found {name!r}.",
            "Choose another name, such as longer-horizon.",
        )
    over = _file(path, name)
    main, settings = load_settings(path), load(path, sections(), over)
    changed = _read(over)
    stores, tracking = main[StoreSettings], main[TrackingSettings]
    folder = workspace_folder(stores, name)
    own = {
        "data": folder,
        "shared": stores.data,
        "online": f"sqlite://{folder}/online.db",
        "registry": f"file://{folder}/registry.db",
    }
    names = {"experiment": f"{tracking.experiment}-{name}", "workspace": name}
    return settings.replaced(
        stores.model_copy(update=own),
        tracking.model_copy(update=names),
        *(
            model.model_copy(update={"test_snapshots": ()})
            for model in settings.every(ModelSettings)
            if model.windows.reach_days > main[type(model)].windows.reach_days
            and "test_snapshots" not in changed.get(model.section, {})
        ),
    )


def _file(path: Path | None, name: str) -> Path:
    folder = (path or DEFAULT_CONFIG).parent / "workspaces"
    file = folder / f"{name}.toml"
    if not file.is_file():
        there = ", ".join(sorted(one.stem for one in folder.glob("*.toml"))) or "none"
        raise ConfigError(
            f"Expected the configuration of the workspace at {file}, found none. Workspaces with a file: {there}.",
            "Write the file with what differs from encore.toml, such as another churn.horizon_days.",
        )
    return file


def _read(file: Path) -> dict[str, dict[str, object]]:
    """Return what the file sets, by section."""
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    taken = [kind.section for kind in sections() if kind in _SECTIONS or issubclass(kind, ModelSettings)]
    refused = [key for key in content if key not in taken]
    if refused:
        raise ConfigError(
            f"{file}: a workspace cannot set {refused[0]}; expected sections out of {', '.join(taken)}.",
            "Set it in the configuration of the deployment, or remove it.",
        )
    return content
