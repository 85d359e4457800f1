"""Churn: who is about to leave."""
