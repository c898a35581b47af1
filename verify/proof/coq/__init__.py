"""The third checker: Coq, which trusts neither our Python nor our pages.

`instance_of` gives what there is to prove of a certificate's architecture, `written` the file that Coq checks, and
`check_file` what Coq says of one.
"""

from verify.proof.coq.checking import Checked, check_file, check_instance, checkers_of, is_coq
from verify.proof.coq.instance import Instance, instance_of, left_out, read, told_precisions, write_theorem, written

__all__ = [
    "Checked",
    "Instance",
    "check_file",
    "check_instance",
    "checkers_of",
    "instance_of",
    "is_coq",
    "left_out",
    "read",
    "told_precisions",
    "write_theorem",
    "written",
]
