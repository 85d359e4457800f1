"""Campaigns: whom they contact, how often, and what is kept of it."""
