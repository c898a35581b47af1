"""Reports: what runs recorded, rendered for the terminal, as Markdown and as one HTML page; nothing else is computed.

==============  ========================================================================  ==================
module          gives                                                                     needs
==============  ========================================================================  ==================
``evidence``    ``Evidence``, ``read``, ``write``: what runs wrote, checked               the library
``card``        ``card``, ``summary_markdown``: the verdict on a terminal, in a summary   tabulate
``page``        ``page``, ``board``: one HTML file for one subject, for many              jinja2, matplotlib
``render``      ``render``: everything in ``reports/`` from ``reports/data/``             jinja2, matplotlib
==============  ========================================================================  ==================
"""
