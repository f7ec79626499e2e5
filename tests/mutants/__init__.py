"""Sabotage: the store with one line changed for the worse, and the test that notices."""
