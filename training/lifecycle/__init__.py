"""The life of a model: MLflow, runs, versions."""

import os

# Read when MLflow is imported, which each module of this room may do first. A self-hosted service sends nothing home.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
