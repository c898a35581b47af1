"""Theorems for one-layer digit transformers that others made: docs/columns.md is the specification."""
