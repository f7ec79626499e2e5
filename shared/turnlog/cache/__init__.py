"""The client of an ElastiCache-compatible cache (Valkey, Redis), blocking and on an event loop."""
