"""What a contact changed: assignments, outcomes, differences with intervals, and the value of policies."""
