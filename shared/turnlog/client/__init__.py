"""The operations as methods, for programs: on the table, or through the HTTP API."""
