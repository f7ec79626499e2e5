"""What Turnlog costs and how long it takes, beside what else one would take."""
