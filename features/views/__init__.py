"""Features, written once as Ibis expressions; DuckDB runs them by default, Spark can."""
