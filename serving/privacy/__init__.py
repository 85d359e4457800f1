"""Consent, erasure, and what is stored about a customer."""
