"""Whether the data can carry a model: what is in the tables, and how customers come back."""
