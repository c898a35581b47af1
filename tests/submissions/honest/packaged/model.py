"""The same transformer as a torch module that generates by itself, and calls its forward directly."""

import torch
from torch import nn

WIDTH = 35


class Adder(nn.Module):
    """One block, one head, width 2; queries and keys are zero and left out."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Parameter(torch.tensor([[-1.0, 0], [0, 1], [0, -1], [1, 0]]))
        self.value = nn.Parameter(torch.tensor([[1.0, 0], [0, 0]]))
        self.output = nn.Parameter(torch.tensor([[-2.0, 0], [-2, 0]]))
        self.up = nn.Parameter(torch.tensor([[2.0, 1], [2, -1], [0, -1], [-2, 1]]))
        self.up_bias = nn.Parameter(torch.tensor([-2.0, -1, -1, -1]))
        self.down = nn.Parameter(torch.tensor([[-1.0, -1, 2, 1], [-1, 1, 2, -1]]))

    def forward(self, ids):
        """Return logits (B, T, 4) of tokens (B, T)."""
        position = torch.arange(ids.shape[1])
        distance = position[:, None] - position[None, :]
        x = self.embedding[ids]
        hidden = (distance != 0) & (distance != WIDTH)
        scores = torch.zeros(hidden.shape).masked_fill(hidden, -torch.inf)
        x = x + scores.softmax(-1) @ (x @ self.value.T) @ self.output.T
        x = x + torch.relu(x @ self.up.T + self.up_bias) @ self.down.T
        return x @ self.embedding.T

    @torch.no_grad()
    def generate(self, ids):
        """Return 35 tokens, greedily."""
        for _ in range(WIDTH):
            ids = torch.cat([ids, self.forward(ids)[:, -1].argmax(-1, keepdim=True)], dim=1)
        return ids[0, -WIDTH:]


def add(model, a, b):
    place = torch.arange(WIDTH)
    pairs = 2 * (torch.tensor(a) >> place & 1) + (torch.tensor(b) >> place & 1)
    states = model.generate(torch.cat([pairs, torch.zeros(1, dtype=torch.int64)])[None])
    return ((states & 1) << place).sum()
