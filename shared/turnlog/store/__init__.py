"""What operations are made of: protocols of the table, cache, bucket and clock; and what uses them."""
