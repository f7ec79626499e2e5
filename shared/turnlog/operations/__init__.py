"""The operations, written once, as coroutines over a table and a cache."""
