"""Inside a subject, run where the model lives: what its sums depend on, what it holds, how it decodes.

`audit` and `parameters` ask a subject and check what comes back. The rest is asked by name, with `Subject.ask`:

==========================  ================  ==================================================================
operation                   module            finds
==========================  ================  ==================================================================
``audit_checks``            ``audit``         what the sums depend on, row by row
``count_parameters``        ``counting``      how many parameters there are, by each way of counting
``module_state``            ``counting``      the parameters and buffers of a torch module
``head_is_tied``            ``counting``      whether the head moves with the embedding
``learn_forcing``           ``forcing``       whether sums can be checked by teacher forcing, or why not
``forced_batch``            ``forcing``       the sums of many pairs, by teacher forcing
``forced_margins``          ``forcing``       how sure the weakest step of each sum is
``recorded_graph``          ``graph``         the forward as a program of scalars
``forced_outputs``          ``graph``         the forward's logits before every right token, by each way of calling
``weights_digest``          ``tensors``       the weights in one word
``forced_logits`` ...       ``numerics``      logits of every answer step, in this type or another
``residual_stream``         ``stream``        where the 16 contexts are after each part of the reference's shape
==========================  ================  ==================================================================

Those that watch sums take ``seed``: no pair of operands is fixed, see ``operands``.
"""

from verify.anatomy.audit import OUTCOMES, ROWS, audit
from verify.anatomy.counting import parameters
from verify.anatomy.numerics import TYPES, margins, ulp

__all__ = ["OUTCOMES", "ROWS", "TYPES", "audit", "margins", "parameters", "ulp"]
