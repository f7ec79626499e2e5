"""What is deployed: the template, its policies, and the artifacts under the real Lambda runtime."""
