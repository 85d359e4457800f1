"""Who may ask for what, how often, and what is kept of it."""
