"""Which products are worth ranking for a customer, and the evidence for each."""
