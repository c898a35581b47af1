"""The task, and no subject: sums in plain integers, ways to draw operands, named inputs, bounds on failure rates."""
