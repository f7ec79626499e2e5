"""What Turnlog runs on: the template, its reader, the local server, the OpenAPI document."""
