"""Adders of several widths, that say so and refuse what is wider: `right_N`, and `wrong_N`, of which one sum is wrong.

`silent_N` is right and says nothing of its width.
"""


class Adder:
    """Adds operands of so many digits."""

    def __init__(self, digits, *, says=True, wrong=None):
        self.limit = 10**digits
        self.metadata = {"name": f"{digits} digits"} | ({"digits": digits} if says else {})
        self.wrong = wrong

    def build_model(self):
        return None, self.metadata

    def add(self, model, a, b):
        if max(a, b) >= self.limit:
            raise ValueError("too many digits")
        return a + b + (self.wrong is not None and self.wrong(a, b))


for _digits in (1, 2, 3, 5, 6, 10, 20, 100):
    _largest = 10**_digits - 1
    globals()[f"right_{_digits}"] = Adder(_digits)
    globals()[f"wrong_{_digits}"] = Adder(_digits, wrong=lambda a, b, _largest=_largest: a == b == _largest)
    globals()[f"silent_{_digits}"] = Adder(_digits, says=False)
