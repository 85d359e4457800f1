"""The scoring service, its batches, its table of scores, and what loads models."""
