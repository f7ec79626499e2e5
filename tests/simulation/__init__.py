"""The store under a seeded scheduler: every schedule, fault and lie that a seed can think of."""
