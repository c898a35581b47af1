"""What a number of cases supports: exact bounds on a failure rate."""

from __future__ import annotations

import numpy as np

CONFIDENCE = 0.95
_HALVINGS = 200  # more than the exponent range and the significand of a double together need


def failure_rate_bound(failures: int, cases: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper bound on the failure rate of independent cases.

    The largest rate at which so few failures would still have been seen with a probability over 1 - confidence:
    C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26 (1934). Without failures it is 1 - (1 - confidence)^(1 / cases).

    Raises:
        ValueError: there are no cases, or more failures than cases.
    """
    if not 0 <= failures <= cases or cases == 0:
        raise ValueError(
            f"{failures} failures of {cases} cases support no bound; there must be a case, and no more "
            "failures than cases"
        )
    if failures == cases:
        return 1.0
    if failures == 0:
        return float(-np.expm1(np.log1p(-confidence) / cases))
    count = np.arange(1, failures + 1)
    log_choices = np.concatenate([[0.0], np.cumsum(np.log(cases - count + 1) - np.log(count))])  # log C(cases, k)
    low, high = failures / cases, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if _log_at_most(failures, cases, middle, log_choices) > np.log1p(-confidence):
            low = middle
        else:
            high = middle
    return float(high)


def _log_at_most(failures: int, cases: int, rate: float, log_choices: np.ndarray) -> float:
    """Return the log of the probability of at most so many failures."""
    count = np.arange(failures + 1)
    terms = log_choices + count * np.log(rate) + (cases - count) * np.log1p(-rate)
    return float(np.logaddexp.reduce(terms))
