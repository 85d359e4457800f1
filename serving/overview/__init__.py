"""All customers at once: groups, tiers, stages, movements between them, and who brings the money."""
