"""How good the lists are beside those of other methods."""
