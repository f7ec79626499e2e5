"""What stands between a store and its servers and counts, from the wire: any store, in any process, alike."""
