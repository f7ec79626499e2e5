"""Real processes, on Amazon's DynamoDB Local and a real Valkey."""
