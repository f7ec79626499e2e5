"""Turnlog keeps the conversations of AI agents.

A session is an append-only log, and one conditional DynamoDB transaction is one append. The parts lie in
layers, the lowest first: errors, limits, settings, wire; `records`; `models`; `store`; `cache`; `drivers` and
`operations`; `http`; `client`; `integrations`. Each imports from what lies below it.
"""
