"""The stores for agent SDKs in the simulation, on the HTTP client, which runs there as it is installed."""
