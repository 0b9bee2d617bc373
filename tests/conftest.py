"""How Hypothesis searches in the tests.

By default the same examples are drawn every time, so that a run of the tests is a
verdict; `pytest --hypothesis-profile=search` draws new ones and remembers failures.
There is no deadline: the first call of a kernel may compile it.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile("fixed")
