"""Turnlog keeps the conversations of AI agents: a session is an append-only log, and one conditional transaction is one append."""
