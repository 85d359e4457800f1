"""The life of a model: MLflow, runs, versions."""
