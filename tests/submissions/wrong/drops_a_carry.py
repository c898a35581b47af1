"""A true transformer that forgets the carry into bit 20: found by its forward, confirmed by add."""

import numpy as np

WIDTH = 35
FORGETFUL = 36 + 20 - 1  # the position that writes bit 20
EMBEDDING = np.array([[-1.0, 0], [0, 1], [0, -1], [1, 0]])
UP = np.array([[2.0, 1], [2, -1], [0, -1], [-2, 1]])
DOWN = np.array([[-1.0, -1, 2, 1], [-1, 1, 2, -1]])


class Adder:
    """Holds its weights."""

    def __init__(self):
        self.embedding, self.up, self.down = EMBEDDING.copy(), UP.copy(), DOWN.copy()

    def forward(self, ids):
        """Return logits (B, T, 4) of tokens (B, T)."""
        x = self.embedding[ids]
        x[:, FORGETFUL : FORGETFUL + 1] = self.embedding[ids[:, FORGETFUL : FORGETFUL + 1] & 1]
        before = np.where(np.arange(ids.shape[1])[:, None] >= WIDTH, np.roll(x, WIDTH, axis=1), x)
        mixed = (x[..., :1] + before[..., :1]) / 2
        x = x - 2 * mixed
        x = x + np.maximum(x @ self.up.T - [2, 1, 1, 1], 0) @ self.down.T
        return x @ self.embedding.T


def build_model():
    return Adder(), {"name": "drops a carry", "params": 24}


def add(model, a, b):
    tokens = [2 * (a >> place & 1) + (b >> place & 1) for place in range(WIDTH)] + [0]
    for _ in range(WIDTH):
        tokens.append(int(model.forward(np.array([tokens]))[0, -1].argmax()))
    return sum((state & 1) << place for place, state in enumerate(tokens[-WIDTH:]))
