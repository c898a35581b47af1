"""What an adder's forward computes, as a program of scalars: recorded where it lives.

`docs/columns.md` says what a graph is. ``recorded_graph`` (`recording`) runs where the model lives and records: `nodes`
builds the program, `patterns` what several nodes say together, `torch_recorder` and `torch_operations` watch torch.
"""
