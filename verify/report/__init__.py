"""Evidence in, pages out: what runs recorded, rendered for the terminal, as Markdown and as HTML; nothing is computed.

Others use these five modules, the rest is this room's own affair:

============  ===================================================================================  ==================
module        gives                                                                                needs
============  ===================================================================================  ==================
``evidence``  ``KINDS``, ``check``, ``read``, ``Evidence``, the names of verdicts and outcomes      the library
``card``      ``card``, ``board``, and both ``_markdown``: the verdicts on a terminal, in a summary  tabulate
``terminal``  ``campaign``, ``progress_line``, ``audit``, ``score``: other commands' results        tabulate
``page``      ``page``, ``board``: one HTML file for one subject, for many                         jinja2, matplotlib
``render``    ``render``, ``render_board``, the badges: everything in ``reports/``, a board's folder  jinja2, matplotlib
============  ===================================================================================  ==================

``page`` and ``render`` are imported where they are called, for what they need takes a second to import.
"""

from verify.report import card, evidence, terminal

__all__ = ["card", "evidence", "terminal"]
