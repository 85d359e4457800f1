"""Where customers stand: RFM groups, value tiers, the value matrix, lifecycle stages and the relationship ladder."""
