"""Campaigns: planned, started with a holdout, exported to channels, and reported."""
