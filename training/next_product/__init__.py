"""Next product: what to offer."""
