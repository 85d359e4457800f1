"""What to do for whom: actions, policy, the value of an action, and the choice for all customers at once."""
