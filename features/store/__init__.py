"""The feature store: Feast, and the only package that imports it."""
