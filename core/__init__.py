"""What knows no customer: settings, errors, state on disk, locks, engines, progress, logs."""
