"""Made by hand like one_head, with attention too wide: other columns move a digit where several of them are extreme.

9293099345 + 2860099680 is one such sum.
"""

import layers


def build_model():
    return layers.read("wrong_in_a_rare_word"), {"name": "wrong in a rare word", "author": "nobody"}


add = layers.add
