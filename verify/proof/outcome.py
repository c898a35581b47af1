"""What holds in one precision: the machine that the weights make, and whether every evaluation is that machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from verify.proof.automaton import Counterexample, binary_machine, counterexample, full_adder_rows
from verify.proof.bound import BoundError, Errors, error_bounds
from verify.proof.exactness import RoundsError, exact_logits
from verify.proof.formats import FORMATS, MODES, rounding_of
from verify.proof.network import CONTEXTS, VOCABULARY, Step, margin, step, winner
from verify.proof.orders import Witness, find_witness
from verify.proof.weights import Weights

PROVED = "proved"
REFUTED = "refuted"
AT_RISK = "at risk"
UNDECIDED = "undecided"

EXACT = "exact"
BOUNDED = "bounded"

Rows = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ModeOutcome:
    """What holds in one mode.

    Attributes:
        mode: one of `MODES`.
        outcome: proved, refuted, at risk or undecided.
        road: exact where no operation rounds, bounded where errors are bounded, None where there is no bound.
        errors: bounds of the four logits' errors, by context.
        ratio: the least margin over its error bound; None where the bound is 0 or there is none.
        reason: why it is not proved, or "".
        witness: an order in which sums come out wrong.
    """

    mode: str
    outcome: str
    road: str | None = None
    errors: dict[tuple[int, int], Errors] = field(default_factory=dict)
    ratio: Fraction | None = None
    reason: str = ""
    witness: Witness | None = None


@dataclass(frozen=True)
class PrecisionOutcome:
    """What holds in one precision.

    Attributes:
        precision: a name of `FORMATS`.
        weights: rounded to it; None where one overflows.
        steps: enclosures by context (pair, state).
        rows: next states in real arithmetic, rows[state][pair]; None where two logits are not told apart.
        wrong: a shortest pair of operands that the machine of ``rows`` adds wrongly.
        margin: lower bound of the least margin of a winner.
        modes: one for each of `MODES`.
    """

    precision: str
    weights: Weights | None
    steps: dict[tuple[int, int], Step]
    rows: Rows | None
    wrong: Counterexample | None
    margin: Fraction | None
    modes: tuple[ModeOutcome, ...]


def decide(weights: Weights, precision: str) -> PrecisionOutcome:
    """Return what holds of the weights rounded to a precision."""
    rounded = weights.rounded(FORMATS[precision])
    if rounded is None:
        undecided = tuple(_undecided(mode, f"a weight overflows {precision}") for mode in MODES)
        return PrecisionOutcome(precision, None, {}, None, None, None, undecided)
    steps = {(pair, state): step(rounded, pair, state) for pair, state in CONTEXTS}
    winners = {context: winner(each.logits) for context, each in steps.items()}
    if None in winners.values():
        pair, state = next(context for context, token in winners.items() if token is None)
        reason = f"in real arithmetic no logit is above all others after pair {pair} and state {state}"
        undecided = tuple(_undecided(mode, reason) for mode in MODES)
        return PrecisionOutcome(precision, rounded, steps, None, None, None, undecided)
    rows = tuple(tuple(winners[pair, state] or 0 for pair in range(VOCABULARY)) for state in range(VOCABULARY))
    wrong = counterexample(binary_machine(rows))
    case = _Case(rounded, precision, steps, rows, wrong)
    least = min(min(case.margins(context)) for context in CONTEXTS)
    return PrecisionOutcome(precision, rounded, steps, rows, wrong, least, tuple(case.decide(mode) for mode in MODES))


@dataclass(frozen=True)
class _Case:
    """One precision whose machine is known."""

    weights: Weights
    precision: str
    steps: dict[tuple[int, int], Step]
    rows: Rows
    wrong: Counterexample | None

    def margins(self, context: tuple[int, int]) -> list[Fraction]:
        """Return the margins of the winner above its three rivals."""
        token = self._next(context)
        return [margin(self.steps[context].logits, token, rival) for rival in range(VOCABULARY) if rival != token]

    def decide(self, mode: str) -> ModeOutcome:
        """Return what holds in one mode: nothing rounds, or the bound is below every margin, or else."""
        settled = PROVED if self.wrong is None else REFUTED
        if self._is_exact(mode):
            return ModeOutcome(mode, settled, EXACT, dict.fromkeys(CONTEXTS, (Fraction(0),) * VOCABULARY))
        try:
            rounding = rounding_of(self.precision, mode)
            errors = {each: error_bounds(self.weights, self.steps[each], rounding) for each in CONTEXTS}
        except BoundError as error:
            return _undecided(mode, str(error))
        ratios = {context: self._ratio(context, errors[context]) for context in CONTEXTS}
        worst = min(CONTEXTS, key=lambda context: ratios[context])
        if ratios[worst] > 1:
            return ModeOutcome(mode, settled, BOUNDED, errors, ratios[worst])
        return self._unsettled(mode, errors, worst, ratios[worst])

    def _unsettled(
        self, mode: str, errors: dict[tuple[int, int], Errors], worst: tuple[int, int], ratio: Fraction
    ) -> ModeOutcome:
        reason = f"the margin is not above the error bound after pair {worst[0]} and state {worst[1]}"
        expected = self.rows if self.wrong is None else full_adder_rows()
        witness = find_witness(self.weights, self.precision, mode, expected, worst)
        outcome = UNDECIDED if witness is None else AT_RISK
        return ModeOutcome(mode, outcome, BOUNDED, errors, ratio, reason, witness)

    def _is_exact(self, mode: str) -> bool:
        rounding = rounding_of(self.precision, mode)
        try:
            logits = {each: exact_logits(self.weights, *each, rounding) for each in CONTEXTS}
        except RoundsError:
            return False
        return all(
            logits[each][self._next(each)]
            > max(logit for token, logit in enumerate(logits[each]) if token != self._next(each))
            for each in CONTEXTS
        )

    def _ratio(self, context: tuple[int, int], errors: Errors) -> Fraction:
        token = self._next(context)
        bounds = [errors[token] + errors[rival] for rival in range(VOCABULARY) if rival != token]
        return min(m / bound for m, bound in zip(self.margins(context), bounds, strict=True))

    def _next(self, context: tuple[int, int]) -> int:
        pair, state = context
        return self.rows[state][pair]


def _undecided(mode: str, reason: str) -> ModeOutcome:
    return ModeOutcome(mode, UNDECIDED, reason=reason)
