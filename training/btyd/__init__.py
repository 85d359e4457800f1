"""Buy-till-you-die models: how often customers buy, for how long they stay, and what a purchase is worth."""
