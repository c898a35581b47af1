"""The hunt: seeded batches from named regions of operand space, searched at the speed of the subject."""
