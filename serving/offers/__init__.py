"""Offers at serving time."""
