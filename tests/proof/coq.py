"""What the tests of the theorem in Coq share: a compiled theory, and networks right and wrong."""

from __future__ import annotations

import random
import re
import shutil
from dataclasses import replace
from functools import cache
from itertools import count

import pytest

from adder.solver import solve
from tests.proof.models import INTEGERS, architecture
from verify.proof import prove
from verify.proof.coq import checking, instance, instance_of
from verify.proof.coq.integers import NAMES, Network, NotExactError, check
from verify.proof.weights import SHAPES, Weights

needs_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason=f"coqc is not installed: {checking.PACKAGES}")
SECONDS = 600.0  # a hang guard: the slowest took 30 seconds
WRONG_TRANSITIONS = [(p, s, t) for p in range(4) for s in range(4) for t in range(4)]
WRONG_TRANSITIONS = [(p, s, t) for p, s, t in WRONG_TRANSITIONS if t != p // 2 + p % 2 + s // 2]


@cache
def default_instance():
    """Return the instance of the adder of small integers."""
    return instance_of(prove(architecture(INTEGERS)))


@cache
def solved(seed):
    """Return the network that the solver finds from a seed."""
    state = solve(seed).state_dict()
    rows = {name: state[name].reshape(-1, SHAPES[name][-1]).tolist() for name in SHAPES}
    return Network.of(Weights.from_tensors({name: [[x.hex() for x in row] for row in rows[name]] for name in rows}))


def with_transition(table, pair, state, following):
    """Return a machine's table with one transition changed."""
    rows = [list(row) for row in table]
    rows[pair][state] = following
    return rows


def changed(network, seed):
    """Return a network with one or two of its weights changed: by one, by a half, to much more or much less."""
    draw = random.Random(seed)
    for _ in range(draw.choice([1, 1, 2])):
        name = draw.choice(NAMES)
        rows = [list(row) for row in getattr(network, name)]
        row, column = draw.randrange(len(rows)), draw.randrange(len(rows[0]))
        n, exponent = rows[row][column]
        shift = draw.choice([0, 0, 0, 1, 7, 9])
        rows[row][column] = ((n << exponent << shift if exponent >= 0 else n) + draw.choice([-1, 1]), -shift)
        network = replace(network, **{name: rows})
    return network


@cache
def wrong_network():
    """Return a network of which no sum rounds, and that is no full adder."""
    networks = (changed(default_instance().network, seed) for seed in count())
    return next(network for network in networks if "not below" in _reason(network))


def tied_network():
    """Return a network whose logits are all 0."""
    network = default_instance().network
    return replace(network, embedding=[[(0, 0)] * 2] * 4)


def unrepresentable_network():
    """Return a network that adds, one weight of which is no number of bfloat16, and is only ever multiplied by 0."""
    network = default_instance().network
    return replace(network, output=[[network.output[0][0], (257, 0)], network.output[1]])


def _reason(network):
    try:
        check(network, default_instance().table, default_instance().carries, "bfloat16")
    except NotExactError as error:
        return str(error)
    return ""


class Theory:
    """The theory, compiled once, and files that build on it."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "Theory.v").write_text(instance.theory())
        ran = checking.compile_file(folder, "Theory", SECONDS)
        assert not ran.objections

    def compile(self, text):
        """Return what coqc says of a text that follows the theory."""
        head = "From Coq Require Import Reals ZArith List Lia Lra Bool Permutation.\nFrom Flocq Require Import Core.\n"
        uses = f"Require Import Theory.\nImport ListNotations {' '.join(instance.MODULES)}.\n"
        (self.folder / "Probe.v").write_text(head + uses + text)
        return checking.compile_file(self.folder, "Probe", SECONDS)

    def decides(self, cases):
        """Return what Coq's check computes of each (network, table, carries, precision)."""
        terms = [
            f"network_check {instance.COQ_NAMES[precision]} ({weights_of(network)}) "
            f"({instance._listed(instance._listed(map(str, row)) for row in table)}%nat) "
            f"({instance._listed(map(str, carries))}%nat)"
            for network, table, carries, precision in cases
        ]
        return self._booleans(terms)

    def routes(self, masks):
        """Return whether each mask is the routing mask, as Coq computes it."""
        rows = [instance._listed(instance._listed(map(str, row)) for row in mask) for mask in masks]
        return self._booleans(f"routes 35 (fun i j => existsb (Nat.eqb j) (nth i {each}%nat []))" for each in rows)

    def _booleans(self, terms):
        ran = self.compile("Open Scope Z_scope.\nEval vm_compute in\n[" + ";\n".join(terms) + "].\n")
        assert not ran.objections
        return [word == "true" for word in re.findall(r"\b(?:true|false)\b", ran.output)]


def weights_of(network):
    """Return the weights as Coq reads them."""
    return f"Weights {' '.join(_term(network, name) for name in NAMES)}"


def _term(network, name):
    rows = [instance._listed(f"({n}, {e})" for n, e in row) for row in getattr(network, name)]
    return rows[0] if name in instance.VECTORS else instance._listed(rows)
