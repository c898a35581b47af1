"""The sandbox: strangers' files run in a process of their own, behind the best isolation that this machine has."""

from verify.subject.sandbox.limits import Limits

__all__ = ["Limits"]
