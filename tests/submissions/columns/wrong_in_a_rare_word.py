"""Made by hand like one_head, with attention too wide: other columns move a digit where several of them are extreme.

9293099345 + 2860099680 is one such sum.
"""

import one_layer


def build_model():
    return one_layer.read("wrong_in_a_rare_word"), {"name": "wrong in a rare word", "author": "nobody"}


add = one_layer.add
