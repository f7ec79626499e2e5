"""What a client sends and gets. Requests are checked by these, and the OpenAPI document is made of them.

A module for each kind of body, because a cold start pays for each model that it imports.
"""
