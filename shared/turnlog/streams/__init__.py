"""What events of a stream say: pure functions of events."""
