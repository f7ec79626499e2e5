"""What drives the operations: boto's clients, blocking or on an event loop, behind `store.protocols`."""
