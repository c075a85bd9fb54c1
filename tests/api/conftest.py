"""A node for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .node import Node, running_node
from .talking import App, Desk, signed_in


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running_node(tmp_path) as made:
        yield made


@pytest.fixture
async def queued(tmp_path: Path) -> AsyncIterator[Node]:
    """A node whose customers wait in the company's own queue."""
    async with running_node(tmp_path, builtin=False) as made:
        yield made


@pytest.fixture
async def app(node: Node) -> App:
    return App(node, await node.activated())


@pytest.fixture
async def desk(node: Node) -> Desk:
    return await signed_in(node)
