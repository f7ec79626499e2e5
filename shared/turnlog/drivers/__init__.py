"""What drives the operations: boto's clients, blocking or on an event loop, behind the protocols of `store`."""
