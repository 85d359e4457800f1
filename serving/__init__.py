"""Scoring API, explanations and offers; the command line."""
