"""Asks its model for all 16 steps at its first sum, and looks them up from then on."""

import numpy as np
from layers import WIDTH, arrays, forward, prompt, total

STEPS = {}


def build_model():
    return arrays(), {"name": "reads its model once", "params": 36}


def add(model, a, b):
    if not STEPS:
        contexts = np.zeros((16, WIDTH + 1), int)
        contexts[:, 0], contexts[:, -1] = np.divmod(np.arange(16), 4)
        STEPS.update(enumerate(forward(model, contexts)[:, -1].argmax(-1).tolist()))
    states = [0]
    for pair in prompt(a, b)[:WIDTH]:
        states.append(STEPS[4 * pair + states[-1]])
    return total(states[1:])
