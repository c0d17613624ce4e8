"""Fixtures of all tests: fresh random numbers in every run, which a failing run says how to repeat."""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

SEED = int(os.environ.get("TENSORLAB_TEST_SEED") or secrets.randbits(32))


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers that depend on the run and on the test, not on the tests before it."""
    return np.random.default_rng([SEED, zlib.crc32(request.node.nodeid.encode())])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    report = yield
    if report.failed and "rng" in getattr(item, "fixturenames", ()):
        report.sections.append(("random numbers", f"repeat them with TENSORLAB_TEST_SEED={SEED}"))
    return report
