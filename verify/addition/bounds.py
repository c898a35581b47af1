"""What a number of cases supports: exact bounds on a failure rate, and its estimate where failures were seen.

C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
Biometrika 26 (1934), by the quantiles of the beta distribution: L. D. Brown, T. T. Cai and A. DasGupta, "Interval
estimation for a binomial proportion", Statistical Science 16 (2001), section 4.2.1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

CONFIDENCE = 0.95


@dataclass(frozen=True)
class FailureRate:
    """What independent cases say of the rate at which cases fail.

    Attributes:
        cases: how many there were.
        failures: how many of them failed.
        bound_95: the one-sided upper bound at 95 % confidence.
        estimate: failures by cases, where there are failures; else None.
        interval_95: the two-sided interval about the estimate at 95 % confidence, or None.
    """

    cases: int
    failures: int
    bound_95: float
    estimate: float | None
    interval_95: tuple[float, float] | None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, by the names of the attributes."""
        return asdict(self) | {"interval_95": None if self.interval_95 is None else list(self.interval_95)}


def failure_rate(failures: int, cases: int) -> FailureRate:
    """Return what independent cases say of the rate at which cases fail.

    Raises:
        ValueError: there are no cases, or more failures than cases.
    """
    bound = failure_rate_bound(failures, cases)
    if failures == 0:
        return FailureRate(cases, failures, bound, None, None)
    one_sided = (1 + CONFIDENCE) / 2  # what is left out lies to equal parts on either side
    low = _beta_quantile(failures, cases - failures + 1, 1 - one_sided)
    interval = low, failure_rate_bound(failures, cases, one_sided)
    return FailureRate(cases, failures, bound, failures / cases, interval)


def failure_rate_bound(failures: int, cases: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper bound on the failure rate of independent cases.

    The largest rate at which so few failures would still have been seen with a probability over 1 - confidence.
    Without failures it is 1 - (1 - confidence)^(1 / cases).

    Raises:
        ValueError: there are no cases, or more failures than cases.
    """
    if not 0 <= failures <= cases or cases == 0:
        raise ValueError(
            f"{failures} failures of {cases} cases support no bound; there must be a case, and no more "
            "failures than cases"
        )
    return 1.0 if failures == cases else _beta_quantile(failures + 1, cases - failures, confidence)


def _beta_quantile(a: int, b: int, probability: float) -> float:
    from scipy.special import betaincinv  # late: a subject's process draws operands, and needs none of it

    return float(betaincinv(a, b, probability))
