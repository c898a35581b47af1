"""The theorem: certificates for all 10^20 pairs of operands, and the program that checks them.

>>> from verify.proof import check, prove, read_architecture

``prove(read_architecture(model))`` is a certificate, ``check(certificate)`` the reasons to reject it. A machine of
another adder, read by whatever means, is decided by ``counterexample(StepFunction(...))``; that alone proves nothing of
a program, which may run another machine than it says.
"""

from verify.proof.architecture import read_architecture
from verify.proof.automaton import Counterexample, StepFunction, StepFunctionError, counterexample
from verify.proof.binding import bind, covering_pairs
from verify.proof.certificate import RoutingError, prove, read_certificate, write_certificate
from verify.proof.checker import check, told
from verify.proof.weights import RefusalError

__all__ = [
    "Counterexample",
    "RefusalError",
    "RoutingError",
    "StepFunction",
    "StepFunctionError",
    "bind",
    "check",
    "counterexample",
    "covering_pairs",
    "prove",
    "read_architecture",
    "read_certificate",
    "told",
    "write_certificate",
]
