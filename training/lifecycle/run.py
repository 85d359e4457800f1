"""An open MLflow run, and the one error for a tracking server that does not answer."""

import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sqlalchemy.exc import SQLAlchemyError

from core.errors import EncoreError, StoreError
from core.logs import quiet
from training.lifecycle.lineage import RowSet, encore_version, requirements

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CHECK = "Check tracking.uri in encore.toml, and that the server runs."


class Run:
    """An open MLflow run."""

    def __init__(self) -> None:
        self.model_uri = ""

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Log metrics by name."""
        with answering():
            mlflow.log_metrics(dict(metrics))

    def tag(self, name: str, value: str) -> None:
        """Set a tag."""
        with answering():
            mlflow.set_tag(name, value)

    def figure(self, name: str, figure: "Figure") -> None:
        """Log a picture as `pictures/<name>.png`."""
        with answering():
            mlflow.log_figure(figure, f"pictures/{name}.png", save_kwargs={"bbox_inches": "tight", "dpi": 120})

    def text(self, name: str, text: str) -> None:
        """Log a text file."""
        with answering():
            mlflow.log_text(text, name)

    def input(self, rows: RowSet) -> None:
        """Log which rows were used, and for what."""
        with answering():
            mlflow.log_input(rows.dataset, rows.context, dict(rows.tags))

    def environment(self) -> None:
        """Log the Python version and the version of every installed package as `environment.txt`."""
        packages = sorted({f"{package.name}=={package.version}" for package in distributions() if package.name})
        self.text("environment.txt", "\n".join([f"python=={platform.python_version()}", *packages, ""]))

    def model(self, directory: Path, loader: str, example: pd.DataFrame, output: pd.DataFrame) -> None:
        """Log a folder of model files, which must be named `model`, loaded by the module `loader`."""
        with answering(), quiet("mlflow", "alembic", "git"):
            info = mlflow.pyfunc.log_model(
                name="model",
                loader_module=loader,
                data_path=str(directory),
                signature=infer_signature(example, output),
                input_example=example,
                # Encore itself has to be installed beside
                pip_requirements=requirements(),
                metadata={"encore_version": encore_version()},
            )
        self.model_uri = info.model_uri


@contextmanager
def answering() -> Iterator[None]:
    """Turn a tracking server that does not answer into one clear error."""
    try:
        yield
    except EncoreError:
        raise
    except (MlflowException, OSError, SQLAlchemyError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise StoreError(f"MLflow does not answer as expected: {lines[0][:300].rstrip('.')}.", _CHECK) from error
