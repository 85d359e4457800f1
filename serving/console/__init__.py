"""The console: pages that ask the scoring service, segments, decisions and campaigns, and show what they answer."""
