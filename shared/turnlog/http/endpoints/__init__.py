"""One operation a module: what it takes, what it answers, and the one call that it makes."""
