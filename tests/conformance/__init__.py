"""Is the simulation about a fiction? The tables and caches of the tests, asked the same as the real ones."""
