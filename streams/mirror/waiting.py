"""Waiting that can be cut short."""

import asyncio
import contextlib


async def pause(over: asyncio.Event, seconds: float) -> None:
    """So long, or until ``over`` is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await over.wait()
