"""Evidence in, pages out: what runs recorded, rendered for the terminal, as Markdown and as HTML; nothing is computed.

Others use these six modules, the rest is this room's own affair:

============  ===================================================================================  ==================
module        gives                                                                                needs
============  ===================================================================================  ==================
``evidence``  ``KINDS``, ``check``, ``read``, ``Evidence``, the names of verdicts and outcomes      the library
``card``      ``card``, ``board``, ``summary_markdown``: the verdicts on a terminal, in a summary  tabulate
``terminal``  ``campaign``, ``progress_line``, ``audit``, ``score``: other commands' results        tabulate
``page``      ``page``, ``board``: one HTML file for one subject, for many                         jinja2, matplotlib
``boards``    ``board_markdown``: the table of many subjects, in Markdown                         tabulate
``render``    ``render``, ``badge_svg``, ``badge_json``: everything in ``reports/``                jinja2, matplotlib
============  ===================================================================================  ==================

``page`` and ``render`` are imported where they are called, for what they need takes a second to import.
"""

from verify.report import card, evidence, terminal

__all__ = ["card", "evidence", "terminal"]
