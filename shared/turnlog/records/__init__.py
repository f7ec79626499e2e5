"""What lies in the table: keys, items, and how they are read and written."""
