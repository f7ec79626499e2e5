"""The edge: events of API Gateway and of direct invokes, and their answers."""
