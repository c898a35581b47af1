"""What is made once for all tests of the proof."""

from __future__ import annotations

import pytest

from tests.proof.coq import Theory


@pytest.fixture(scope="session")
def theory(tmp_path_factory):
    return Theory(tmp_path_factory.mktemp("theory"))
