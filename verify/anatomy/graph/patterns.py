"""What several nodes say together: means and norms, limits, a softmax that was written by hand, what ends a program."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

from verify.anatomy.graph.nodes import ZERO, Node, Program, RefusedError


def mean(program: Program, row: Sequence[Node]) -> Node:
    """Return the mean of a row."""
    return program.div(program.sum(row), program.const(len(row)))


def variance(program: Program, row: Sequence[Node], correction: float) -> Node:
    """Return the variance of a row about its mean.

    Kernels that see each number once err by n u times the mean square, to first order (Chan, Golub and LeVeque, 1983,
    "Algorithms for computing the sample variance"), and in their mean by somewhat more than a sum does: four times that
    is allowed for.
    """
    return _variance(program, row, _running_mean(program, row), correction)


def _variance(program: Program, row: Sequence[Node], middle: Node, correction: float) -> Node:
    squares = [program.sq(program.sub(each, middle)) for each in row]
    found = program.div(program.sum(squares), program.const(len(row) - correction))
    scale = program.div(program.sum(map(program.sq, row)), program.const(len(row) - correction))
    return program.slack(found, scale, 4 * len(row) + 16)


def _running_mean(program: Program, row: Sequence[Node]) -> Node:
    return program.slack(mean(program, row), mean(program, list(map(program.abs, row))), 2 * len(row) + 8)


def layer_norm(program: Program, row: Sequence[Node], epsilon: Node) -> list[Node]:
    """Return a row of mean 0 and variance 1."""
    middle = _running_mean(program, row)
    scale = program.curve("rsqrt", program.add(_variance(program, row, middle, 0), epsilon))
    return [program.mul(program.sub(each, middle), scale) for each in row]


def rms_norm(program: Program, row: Sequence[Node], epsilon: Node) -> list[Node]:
    """Return a row of mean square 1."""
    square = mean(program, list(map(program.sq, row)))
    scale = program.curve("rsqrt", program.add(square, epsilon))
    return [program.mul(each, scale) for each in row]


def at_least(program: Program, x: Node, y: Node) -> Node:
    """Return the larger of two numbers, as x + relu(y - x): each of its evaluations is an admissible one of that."""
    exact = program.of_tokens(max, [x, y], exact=True)
    if exact is not None:
        return exact
    return program.relu(x) if program.is_value(y, 0.0) else program.add(x, program.relu(program.sub(y, x)))


def at_most(program: Program, x: Node, y: Node) -> Node:
    """Return the smaller of two numbers."""
    exact = program.of_tokens(min, [x, y], exact=True)
    return program.sub(x, program.relu(program.sub(x, y))) if exact is None else exact


def quotient(program: Program, x: Node, y: Node) -> Node:
    """Return x / y; where y is the sum of a row's exponentials, the weights of a softmax, or a mean by them."""
    row = _exponentials(program, y)
    if row is None:
        return program.div(x, y)
    weights: dict[Node, deque[Node]] = defaultdict(deque)
    scores = [_shifted(program, each)[0] for each in row]
    for each, weight in zip(row, program.smax(scores, tuple(row)), strict=True):
        weights[each].append(weight)
    found = _weighed(program, x, weights)
    return program.div(x, y) if found is None else found


def _exponentials(program: Program, node: Node) -> list[Node] | None:
    """Return the terms of a sum of exponentials of which the largest score was subtracted; None of anything else."""
    terms = _terms(program, node)
    if any(program.kinds[term] != "exp" for term in terms):
        return None
    shifted = [_shifted(program, term) for term in terms]
    subtracted = {largest for _, largest in shifted}
    return terms if subtracted == {program.largest(score for score, _ in shifted)} else None


def _shifted(program: Program, exponential: Node) -> tuple[Node, Node | None]:
    """Return the score of an exponential, and what was subtracted from it; of a score that is 0, that is negated."""
    (shifted,) = program.arguments[exponential]
    kind, arguments = program.kinds[shifted], program.arguments[shifted]
    if kind == "neg":
        return ZERO, int(arguments[0])
    return (int(arguments[0]), int(arguments[1])) if kind == "sub" else (int(shifted), None)


def _terms(program: Program, node: Node) -> list[Node]:
    if program.kinds[node] == "sum":
        return list(program.arguments[node][0])
    return list(program.arguments[node]) if program.kinds[node] == "add" else [node]


def _weighed(program: Program, x: Node, weights: dict[Node, deque[Node]]) -> Node | None:
    """Return what is a sum of exponentials times something, with weights in their place; None of anything else."""
    if program.kinds[x] == "dot":
        pairs = list(program.arguments[x][0])
    elif program.kinds[x] == "mul":
        pairs = [program.arguments[x]]
    else:
        pairs = [(term, program.const(1.0)) for term in _terms(program, x)]
    found = []
    for pair in pairs:
        p, q = pair if pair[0] in weights else pair[::-1]
        if p not in weights or q in weights or not weights[p]:
            return None
        found.append((weights[p].popleft(), q))
    return program.dot([p for p, _ in found], [q for _, q in found])


def logits(program: Program, nodes: Sequence[Node]) -> list[Node]:
    """Return the logits that end a program.

    Of a softmax or its logarithm the scores are the logits, for what is largest stays so; how far rounding moves
    the results against each other is added. What is common to a row, its largest score and its sum, moves none of
    them: left are, in units of rounding, at most 4 max|x| + log n for the logarithm (two subtractions) and, relative
    to a weight, 2 max|x| + 50 (a subtraction, an exponential, a quotient).

    Raises:
        RefusedError: the last position is cut out of such a row.
    """
    kinds = {program.kinds[node] for node in nodes}
    if len(kinds) > 1 or not kinds <= {"smax", "logsmax"}:
        return list(nodes)
    rows = {program.arguments[node][0] for node in nodes}
    if len(rows) > 1:
        raise RefusedError("the logits are softmaxes of several rows")
    (row,) = rows
    more, times = (25.0, 2) if kinds == {"smax"} else (float(len(row)), 4)
    scale = program.sum([*map(program.abs, row), program.const(more)])
    return [program.slack(row[program.arguments[node][1]], scale, times) for node in nodes]
