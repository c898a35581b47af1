"""The check that the theorem in Coq rests on, in integers: no sum rounds, scores are 0, and the largest logits add.

It is `network_check` of theory/Check.v and theory/Formats.v, line by line. Coq decides; this says beforehand what it
will decide, and why. A number is (n, e), which is n 2^e; a sum is exact in every order where its terms are multiples of
one power of two and few enough of them for the format: see "Exact" in docs/proof.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from verify.proof.formats import FORMATS, Format
from verify.proof.weights import Weights

Dyadic = tuple[int, int]
Vector = list[Dyadic]
Matrix = Sequence[Sequence[Dyadic]]
Table = Sequence[Sequence[int]]  # the next state, by pair and state

NAMES = (
    "embedding", "query", "key", "value", "output", "hidden", "hidden_bias", "contract", "contract_bias",
)  # fmt: skip
VECTORS = ("hidden_bias", "contract_bias")
STATES = 4
_ZERO = (0, 0)
_SPARE = 2  # bits between a sum and overflow, so that keys may be scaled by up to 2


class NotExactError(ArithmeticError):
    """A sum may round, a score is not 0, or a logit is not the largest; the message says which."""


@dataclass(frozen=True)
class Network:
    """The weights as the theory names them, vectors being matrices of one row."""

    embedding: Matrix
    query: Matrix
    key: Matrix
    value: Matrix
    output: Matrix
    hidden: Matrix
    hidden_bias: Matrix
    contract: Matrix
    contract_bias: Matrix

    @classmethod
    def of(cls, weights: Weights) -> Network:
        """Return the network of weights, all of which are dyadic."""
        renamed = {"contract": weights.contraction, "contract_bias": (weights.contraction_bias,)}
        given = renamed | {"hidden_bias": (weights.hidden_bias,)}
        rows = {name: given.get(name) or getattr(weights, name) for name in NAMES}
        return cls(**{name: [[dyadic(number) for number in row] for row in rows[name]] for name in NAMES})

    @property
    def weights(self) -> Weights:
        """The weights as fractions."""
        rows = {name: tuple(tuple(map(number, row)) for row in getattr(self, name)) for name in NAMES}
        return Weights(
            **{name: rows[name] for name in ("embedding", "query", "key", "value", "output", "hidden")},
            hidden_bias=rows["hidden_bias"][0],
            contraction=rows["contract"],
            contraction_bias=rows["contract_bias"][0],
        )


def dyadic(number: Fraction) -> Dyadic:
    """Return a number as an odd integer, or 0, and the exponent of a power of two."""
    return _reduced((number.numerator, 1 - number.denominator.bit_length()))


def number(value: Dyadic) -> Fraction:
    """Return a number as a fraction."""
    return Fraction(value[0]) * Fraction(2) ** value[1]


def carries_of(table: Table) -> list[int]:
    """Return the carry that each state stands for.

    Raises:
        NotExactError: the machine is no full adder; the message names a pair and a state.
    """
    known = {0: 0}
    for pair, state in [each for _ in range(STATES) for each in product(range(4), range(STATES))]:
        if state in known:
            following = table[pair][state]
            carry, odd = divmod(pair // 2 + pair % 2 + known[state] - following % 2, 2)
            if odd or carry not in (0, 1) or known.setdefault(following, carry) != carry:
                raise NotExactError(f"after pair {pair} and state {state} comes {following}, which no full adder does")
    return [known.get(state, 0) for state in range(STATES)]


def check(network: Network, table: Table, carries: Sequence[int], precision: str) -> None:
    """Check that a network in a precision is the machine of a table, in every order, and that this is a full adder.

    Raises:
        NotExactError: it is not; the message says why.
    """
    exact = _Exact(FORMATS[precision])
    for name in NAMES:
        for entry in (entry for row in getattr(network, name) for entry in row):
            exact.total(f"{name} {number(entry)}", [entry])
    if carries[0] != 0:
        raise NotExactError("state 0 is the first, and stands for no carry")
    for pair, state in product(range(4), range(STATES)):
        following = table[pair][state]
        ones = pair // 2 + pair % 2 + carries[state]
        if not 0 <= following < STATES or following % 2 + 2 * carries[following] != ones:
            raise NotExactError(f"after pair {pair} and state {state} comes {following}, which no full adder does")
        logits = exact.logits(network, pair, state)
        for token, logit in enumerate(logits):
            if token != following and not number(logit) < number(logits[following]):
                raise NotExactError(
                    f"after pair {pair} and state {state} the logit of {token} is {number(logit)}, "
                    f"and not below that of {following}, {number(logits[following])}"
                )


def successor(network: Network, pair: int, state: int, precision: str) -> int:
    """Return the token of the largest logit.

    Raises:
        NotExactError: a sum may round, or a score is not 0.
    """
    logits = [number(each) for each in _Exact(FORMATS[precision]).logits(network, pair, state)]
    return logits.index(max(logits))


@dataclass(frozen=True)
class _Exact:
    """Sums that refuse to round."""

    format: Format

    def total(self, name: str, terms: Sequence[Dyadic]) -> Dyadic:
        """Return a sum that is exact in every order: `total` in theory/Exact.v."""
        reduced = [_reduced(term) for term in terms]
        unit = min((exponent for n, exponent in reduced if n), default=0)
        counts = [n << (exponent - unit) if n else 0 for n, exponent in reduced]
        size = sum(map(abs, counts))
        if size > 2**self.format.significand:
            raise NotExactError(f"{name} may round: its terms need more than {self.format.significand} bits")
        if unit < self.format.emin or max(size.bit_length() - 1, 0) + unit + _SPARE >= self.format.emax + 1:
            raise NotExactError(f"{name} leaves the range of normal numbers, or comes within {_SPARE} bits of its end")
        return sum(counts), unit

    def vector(self, name: str, length: int, terms: Callable[[int], Vector]) -> Vector:
        return [self.total(name, terms(entry)) for entry in range(length)]

    def layer(self, name: str, matrix: Matrix, x: Vector) -> Vector:
        return self.vector(name, len(matrix), lambda entry: _row(matrix, x, entry))

    def logits(self, network: Network, pair: int, state: int) -> Vector:
        """Return the logits after a pair token and a state token: `context` in theory/Check.v."""
        of_pair, of_state = list(network.embedding[pair]), list(network.embedding[state])
        query = self.layer("attention's query", network.query, of_state)
        keys = [self.layer("attention's key", network.key, token) for token in (of_pair, of_state)]
        values = [self.layer("attention's value", network.value, token) for token in (of_pair, of_state)]
        if any(n for n, _ in query) and any(n for key in keys for n, _ in key):
            raise NotExactError(f"after pair {pair} and state {state} attention rounds: neither query nor keys are 0")
        self.vector("the sum of attention's values", len(network.value), lambda c: [each[c] for each in values])
        mean = self.vector("attention's mean", len(network.value), lambda c: [_half(each[c]) for each in values])
        hidden_bias, contract_bias = list(network.hidden_bias[0]), list(network.contract_bias[0])
        residual = self.vector(
            "the residual after attention",
            len(network.output),
            lambda c: [*_row(network.output, mean, c), of_state[c]],
        )
        hidden = self.vector(
            "the hidden layer", len(network.hidden), lambda c: [*_row(network.hidden, residual, c), hidden_bias[c]]
        )
        active = [(max(n, 0), exponent) for n, exponent in hidden]
        final = self.vector(
            "the residual at the end",
            len(network.contract),
            lambda c: [
                *[*_row(network.contract, active, c), contract_bias[c]],
                *[*_row(network.output, mean, c), of_state[c]],
            ],
        )
        return self.layer("the head", network.embedding, final)


def _reduced(value: Dyadic) -> Dyadic:
    """Return a number with an odd integer, or (0, 0)."""
    n, exponent = value
    if not n:
        return _ZERO
    shift = (n & -n).bit_length() - 1
    return n >> shift, exponent + shift


def _row(matrix: Matrix, x: Vector, entry: int) -> Vector:
    return [(a * b, e + f) for (a, e), (b, f) in zip(matrix[entry], x, strict=True)]


def _half(value: Dyadic) -> Dyadic:
    return value[0], value[1] - 1
