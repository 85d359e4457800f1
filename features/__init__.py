"""The feature store: contract tables, feature expressions, Feast, point-in-time training sets."""
