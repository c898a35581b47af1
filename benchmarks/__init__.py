"""How fast: every decoding path, the solver, and the suite's own cost."""
