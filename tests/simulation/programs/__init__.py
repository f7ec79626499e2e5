"""Programs in the simulation: Turnlog's HTTP client, and whatever stands on it, as they are installed."""
