"""One Lambda function an operation: parse, one call, answer."""
