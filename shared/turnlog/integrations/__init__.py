"""Turnlog as the store of agent SDKs. Each module needs its SDK: `turnlog[claude]`, `turnlog[openai]`."""
