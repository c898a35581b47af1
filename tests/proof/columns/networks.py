"""Small one-layer adders as graphs of docs/columns.md, their certificates, and evaluations of them on every pair.

An evaluation is exact but for double rounding, or each of its nodes is pushed as far as section 2 lets it err.
"""

import math

import numpy as np
from scipy.special import erf

from verify.proof.columns import certificate, checker, proving

EQUALS = 10  # the token that ends the operands
PAIRS = 12  # the token of the first pair


class Nodes(list):
    """Nodes of a step; each method returns the index of a node."""

    def put(self, *node):
        self.append(list(node))
        return len(self) - 1

    def const(self, value):
        return self.put("const", float(value).hex())

    def affine(self, terms, constant):
        """Return the sum of factors times nodes, and a constant."""
        one = self.const(1.0)
        return self.put("dot", [*([self.const(factor), x] for factor, x in terms), [self.const(constant), one]])


def tidied(graph):
    """Return a graph without the nodes that nothing reads."""
    steps = []
    for step in graph["steps"]:
        needed = set(step["logits"])
        for i in range(len(step["nodes"]) - 1, -1, -1):
            if i in needed:
                needed.update(checker.read_node(step["nodes"][i], "", i, 10**6, 10**6).reads)
        new = {old: i for i, old in enumerate(sorted(needed))}
        nodes = [moved(step["nodes"][old], new) for old in new]
        steps.append({"nodes": nodes, "logits": [new[x] for x in step["logits"]]})
    return {**graph, "steps": steps}


def moved(node, new):
    op, *rest = node
    if op in ("const", "tok"):
        return node
    if op == "dot":
        return [op, [[new[x], new[y]] for x, y in rest[0]]]
    if op in ("sum", "smax"):
        return [op, [new[x] for x in rest[0]], *rest[1:]]
    return [op, new[rest[0]], new[rest[1]], rest[2]] if op == "slack" else [op, *(new[x] for x in rest)]


# --- An adder of one head and a small MLP ----------------------------------------------------------------------------


def entry(feature, column, tokens):
    """Return what a graph says of a token of a prompt or an answer."""
    return {"feature": feature, "column": column, "tokens": tokens}


def layout(digits, *, paired, state):
    """Return prompt and answer: operands, units first, then what ends them; the answer, units first."""
    if paired:
        prompt = [entry("pair", j, [PAIRS + i for i in range(100)]) for j in range(digits)]
    else:
        prompt = [entry(feature, j, [*range(10)]) for j in range(digits) for feature in "ab"]
    prompt.append(entry("constant", 0, [EQUALS]))
    tokens = [t % 10 if t < 10 else 112 + t for t in range(20)] if state else [*range(10)]
    answer = [entry("state" if state else "sum", j, tokens) for j in range(digits)]
    return prompt, [*answer, entry("sum", digits, [0, 1])]


def adder(  # noqa: C901 - a network, written down from its first layer to its last
    digits, rng=None, noise=0.0, *, paired=True, state=False, dtype="float32", act="relu", norm="", sharp=12.0
):
    """Return a graph that adds: one head sees column k, one what column k - 1 emitted; an MLP takes tens off.

    ``noise`` is what weights are off by at random, so that some graphs are wrong.
    """
    rng = rng or np.random.default_rng(0)
    off = lambda value: float(np.float32(value * (1 + noise * rng.standard_normal()) if noise else value))  # noqa: E731
    prompt, answer = layout(digits, paired=paired, state=state)
    size = 132 if state else 112 if paired else 12
    summed, emitted = [0.0] * size, [0.0] * size  # of what stands at a token: its sum; minus the digit that it is
    for token in range(size):
        if token < 10:
            summed[token], emitted[token] = 0.0 if paired else float(token), -float(token)
        elif PAIRS <= token < 112:
            summed[token] = float((token - PAIRS) // 10 + (token - PAIRS) % 10)
        elif token >= 112:
            emitted[token] = -float(token % 10 - 2) % -10
    jitter = [float(np.float32(noise * rng.standard_normal())) for _ in range(size)]
    columns = [entry["column"] for entry in prompt]
    steps = []
    for k in range(digits + 1):
        g = Nodes()
        length = len(prompt) + k
        query = length - 1

        def row(wanted, g=g, length=length, query=query):
            scores = []
            for p in range(length):
                here = g.const(off(0.0 if p in wanted else -sharp))
                scores.append(g.put("sum", [here, g.put("mul", g.put("tok", p, 2), g.put("tok", query, 2))]))
            return [g.put("smax", scores, i) for i in range(length)]

        def acted(x, scale=8.0, g=g):
            if act == "relu":
                return g.put("relu", x)
            return g.put("div", g.put(act, g.put("mul", x, g.const(scale))), g.const(scale))

        here = [p for p in range(len(prompt) - 1) if columns[p] == k] or [len(prompt) - 1]
        before = [p for p in range(len(prompt) - 1) if columns[p] == k - 1]
        first, other = row(here), row([*before, query] if k else [len(prompt) - 1])
        m1 = g.put("dot", [[w, g.put("tok", p, 0)] for p, w in enumerate(first)])
        m2 = g.put("dot", [[w, g.put("tok", p, int(p >= len(prompt)))] for p, w in enumerate(other)])
        if norm:
            squares = g.put("add", g.put("sum", [g.put("sq", m1), g.put("sq", m2)]), g.const(1.0))
            scale = g.put(norm, squares)
            m1, m2 = (g.put("div" if norm == "sqrt" else "mul", m, scale) for m in (m1, m2))
            m1, m2 = (g.put("mul", m, g.put("sqrt", squares)) for m in (m1, m2))
        parts = off(len(before) + 1.0)
        low, high = (acted(g.affine([(parts, m2)], off(-level))) for level in (2.0, 7.0))
        carry = g.affine([(off(0.2), low), (off(-0.2), high)], 0.0) if k else g.const(0.0)
        u, over = carry, carry
        if k < digits:
            total = g.affine([(off(1.0 if paired else 2.0), m1), (off(1.0), carry)], 0.0)
            over = g.put("sub", *(acted(g.affine([(1.0, total)], off(-level))) for level in (9.0, 10.0)))
            u = g.affine([(1.0, total), (off(-10.0), over)], 0.0)
        logits = []
        for token in range(size if state else 10):
            digit = token % 10 if token < 112 else (token - 112) % 10
            logit = g.affine([(off(2.0 * digit), u)], off(-float(digit * digit)))
            if state and token >= 10:
                is_one = token >= 122 and k < digits
                logit = g.affine([(1.0, logit), (4.0, over)], -2.0) if is_one else g.const(-200.0)
            logits.append(logit)
        steps.append({"nodes": list(g), "logits": logits})
    return tidied({
        "schema": checker.GRAPH_SCHEMA, "digits": digits, "dtype": dtype, "vocabulary": size,
        "choices": size if state else 10, "prompt": prompt, "answer": answer,
        "tables": [[x.hex() for x in table] for table in (summed, emitted, jitter)], "steps": steps,
    })  # fmt: skip


BENDING = ("sq", "mul", "div", "tanh", "sigmoid", "silu", "gelu", "gelu_tanh", "relu", "abs", "exp", "rsqrt", "sqrt")


def bent(rng):
    """Return a graph of one digit: the first logit of its first step bends over two means of digits; others are 0."""
    g = Nodes()

    def number(low, high):
        return g.const(rng.uniform(low, high))

    digits = [g.put("tok", 0, 0), g.put("tok", 1, 0)]
    pool = []
    for _ in range(2):
        scores = [g.put("mul", digit, number(-0.1, 0.1)) for digit in digits] + [number(-1, 1)]
        weights = [g.put("smax", scores, i) for i in range(3)]
        values = [g.put("add", g.put("mul", digit, number(-0.5, 0.5)), number(-1, 1)) for digit in digits]
        pool.append(g.put("dot", list(map(list, zip(weights, [*values, number(-1, 1)], strict=True)))))
    for _ in range(6):
        op, (x, y) = str(rng.choice(BENDING)), rng.choice(pool, 2)
        if op in ("rsqrt", "sqrt", "div"):
            y = g.put("add", g.put("sq", int(y)), number(0.2, 1))
        shifted = g.put("add", g.put("mul", int(x), number(-2, 2)), number(-1, 1))
        if op in ("rsqrt", "sqrt"):
            pool.append(g.put("mul", g.put(op, y), shifted))
        elif op in ("mul", "div"):
            pool.append(g.put(op, shifted, int(y)))
        else:
            pool.append(g.put(op, g.put("tanh", shifted) if op == "exp" else shifted))
    added = g.affine([(rng.uniform(-1, 1), x) for x in pool], 0.0)
    return of_one_logit(g, g.put("add", added, g.const(0.0)), "float64")


def of_one_logit(nodes, logit, dtype):
    """Return a graph of one digit whose first step has this first logit, and 0 as all others."""
    zero = nodes.const(0.0)
    return tidied({
        "schema": checker.GRAPH_SCHEMA, "digits": 1, "dtype": dtype, "vocabulary": 11, "choices": 10,
        "prompt": [entry("a", 0, [*range(10)]), entry("b", 0, [*range(10)]), entry("constant", 0, [10])],
        "answer": [entry("sum", 0, [*range(10)]), entry("sum", 1, [0, 1])],
        "tables": [[float(token).hex() for token in range(11)]],
        "steps": [
            {"nodes": list(nodes), "logits": [logit, *[zero] * 9]},
            {"nodes": [["const", (0.0).hex()]], "logits": [0] * 10},
        ],
    })  # fmt: skip


# --- Certificates ----------------------------------------------------------------------------------------------------


def certified(graph):
    """Return the certificate that the search ends with."""
    ask = lambda pairs: np.min(least_margins(graph, *np.array(pairs).T), axis=0)  # noqa: E731
    return certificate.complete(proving.search_graph(graph, ask, lambda: math.inf).certificate, {})


def forged(graph):
    """Return a certificate that claims everything in one leaf a tree; its base is the means themselves."""
    layout = [*graph["prompt"], *graph["answer"]]
    steps = []
    for k, step in enumerate(graph["steps"]):
        means = means_of(step)
        base = [[float(i == j).hex() for j in range(len(means))] for i in range(len(means))]
        query = {"means": means, "base": base, "trees": [[0] for _ in graph["answer"][k]["tokens"]]}
        steps.append({"queries": [query] * len(layout[len(graph["prompt"]) + k - 1]["tokens"])})
    return certificate.complete({"schema": checker.SCHEMA, "graph": graph, "steps": steps}, {})


# --- Evaluation ------------------------------------------------------------------------------------------------------


def all_pairs(digits):
    """Return every pair of operands, (100^digits,) each."""
    numbers = np.arange(10**digits)
    return np.repeat(numbers, 10**digits), np.tile(numbers, 10**digits)


def symbols(feature, column, digits, a, b):
    """Return a feature's symbols, by its definition in whole numbers."""
    low = 10**column
    pair = a // low % 10, b // low % 10
    c = (a % low + b % low) // low
    if feature in ("sum", "state") and column == digits:
        return (a + b) // low
    total = pair[0] + pair[1] + c
    return {
        "constant": 0 * a,
        "a": pair[0],
        "b": pair[1],
        "pair": 10 * pair[0] + pair[1],
        "sum": total % 10,
        "state": total,
    }[feature]


def tokens_of(entry, digits, a, b):
    return np.asarray(entry["tokens"])[symbols(entry["feature"], entry["column"], digits, a, b)]


FUNCTIONS = {
    "neg": lambda x: -x, "sq": lambda x: x * x, "abs": np.abs, "relu": lambda x: np.maximum(x, 0), "round": lambda x: x,
    "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "exp": np.exp, "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x / 2 * (1 + erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
}  # fmt: skip
ERRORS = {"neg": 0, "abs": 0, "relu": 0, "div": 3, "sqrt": 3, "rsqrt": 4, "exp": 40, "tanh": 16, "sigmoid": 16}
OF_ARGUMENT = {"silu": 8, "gelu": 13, "gelu_tanh": 8}


class Evaluation:
    """Every node of a step for given pairs; with ``rng`` each errs by all that it may, up or down at random."""

    def __init__(self, graph, k, a, b, rng=None):
        self.rng, self.count = rng, len(a)
        self.u = {"float32": 2.0**-24, "float64": 2.0**-53}[graph["dtype"]]
        self.tokens = [tokens_of(entry, graph["digits"], a, b) for entry in [*graph["prompt"], *graph["answer"]]]
        self.tables = [np.asarray([float.fromhex(x) for x in table]) for table in graph["tables"]]
        self.values, self.rows = [], {}
        for node in graph["steps"][k]["nodes"]:
            self.values.append(np.broadcast_to(self._node(node), (self.count,)))
        self.logits = np.stack([self.values[i] for i in graph["steps"][k]["logits"]], axis=1)

    def _off(self, bound):
        sign = 0.0 if self.rng is None else self.rng.choice([-1.0, 1.0], size=self.count)
        return bound * sign

    def _node(self, node):
        op, v, u = node[0], self.values, self.u
        if op == "const":
            return float.fromhex(node[1])
        if op == "tok":
            return self.tables[node[2]][self.tokens[node[1]]]
        if op == "slack":
            return v[node[1]] + self._off(node[3] * u * np.abs(v[node[2]]))
        if op in ("sum", "dot"):
            terms = [v[x] for x in node[1]] if op == "sum" else [v[x] * v[y] for x, y in node[1]]
            n = len(terms) + 1
            return sum(terms) + self._off(n * u / (1 - n * u) * sum(map(np.abs, terms)))
        if op == "smax":
            key = tuple(node[1])
            if key not in self.rows:
                scores = np.stack([v[x] for x in key])
                gaps = scores - scores.max(axis=0)
                powers = [np.exp(gap + self._off(u * np.abs(gap))) for gap in gaps]
                powers = np.stack([power + self._off(40 * u * power) for power in powers])
                self.rows[key] = powers / powers.sum(axis=0)
            return self.rows[key][node[2]]
        exact = FUNCTIONS[op](*(v[x] for x in node[1:]))
        size = OF_ARGUMENT[op] * np.abs(v[node[1]]) if op in OF_ARGUMENT else ERRORS.get(op, 1) * np.abs(exact)
        return exact + self._off(u * size)


def least_margins(graph, a, b, rng=None):
    """Return for each step how far the right logit is above the others, for each pair: (K, N)."""
    found = []
    for k, entry in enumerate(graph["answer"]):
        logits = Evaluation(graph, k, a, b, rng).logits
        places, right = np.arange(len(a)), tokens_of(entry, graph["digits"], a, b)
        mine = logits[places, right].copy()
        logits[places, right] = -np.inf
        found.append(mine - logits.max(axis=1))
    return np.stack(found)


def means_of(step):
    """Return the means and single weights that are read after attention."""
    kinds, read = [], set(step["logits"])
    for i, node in enumerate(step["nodes"]):
        reads = checker.read_node(node, "", i, 10**6, 10**6).reads
        of = "".join(sorted({kinds[x] for x in reads}))
        kind = "w" if node[0] == "smax" else "" if not of else "m" if node[0] in ("dot", "mul") and of == "w" else "t"
        kinds.append(kind)
        if kind == "t":
            read.update(reads)
    return sorted(x for x in read if kinds[x] in ("w", "m") and kinds[x])
