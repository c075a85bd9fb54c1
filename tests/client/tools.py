"""Programs that some tests run."""

import os
import shutil

import pytest


def needs(*tools: str) -> None:
    """Skip the test where a program is missing; where everything must be there (`CI=true`), fail it."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
