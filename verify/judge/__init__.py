"""One run: how long it looks, what it records, and the verdict that this supports."""
