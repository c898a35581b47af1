"""Tests of our own code: one file per module, and the teeth of the suite."""
