"""Where feature expressions run."""
