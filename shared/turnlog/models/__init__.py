"""What a client sends and gets: the shapes of the contract, from which requests are checked and OpenAPI made.

A module for each kind of body, because a cold start pays for each model that it imports.
"""
