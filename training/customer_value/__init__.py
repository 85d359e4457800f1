"""Customer value: what a customer will spend, how often, until when, and what that is worth."""
