"""How exports could be mapped to the contract: suggestions with their evidence, and questions where there is none."""
