"""Whom a contact changes: uplift models, learned from randomised assignments alone."""
