"""Notebooks, committed with what they show, and the script that runs them."""
