"""What an adder's forward computes, as a program of scalars: recorded where it lives, read and evaluated here.

`docs/columns.md` says what a graph is. ``recorded_graph`` (`recording`) runs where the model lives and records: `nodes`
builds the program, `patterns` what several nodes say together, `torch_recorder` and `torch_operations` watch torch,
`torch_shells` keep values from the forward, and `numpy_recorder` has numpy's arrays computed by torch;
``forced_outputs`` (`forced`) is what the forward itself says. In the parent `asking` asks for both and compares them:
`read` checks the form of what was recorded, `evaluate` computes it in numpy, and `decoder` decodes with it.
"""
