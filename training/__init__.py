"""Models and pipelines: churn, next product; MLflow tracking and registry."""
