"""From ranked candidates to the lists that the business allows."""
