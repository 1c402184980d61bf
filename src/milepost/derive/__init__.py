"""What can be computed of what providers say: pure maths over models, never mixed with their own fields."""
