"""What operations are made of: protocols of the table, the cache, the bucket and the clock, and what stands on them."""
