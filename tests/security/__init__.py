"""Attacks on a running service, with bounded load, on loopback only."""
