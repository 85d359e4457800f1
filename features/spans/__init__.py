"""Which snapshots see what: spans of snapshots, and the tables made of them that views share."""
