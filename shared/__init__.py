"""Turnlog's store: a session is an append-only log, and one conditional transaction is one append."""
