"""How exports could be mapped to the contract: a proposal with its evidence, and questions where there is none."""
