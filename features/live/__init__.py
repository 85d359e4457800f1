"""Events as they happen: a durable log, and features that follow it."""
