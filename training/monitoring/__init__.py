"""How models do in use: what they answered, what came of it, drift, and alerts."""
