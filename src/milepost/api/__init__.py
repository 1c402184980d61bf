"""The HTTP contract: `/tsp/v1`, its own description, and the health of the installation."""
