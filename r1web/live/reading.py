"""Sockets read in threads of their own: neither they nor requests wait for each other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from channels.db import database_sync_to_async

T = TypeVar("T")

THREADS = ThreadPoolExecutor(2, thread_name_prefix="live")


async def in_db(read: Callable[..., T], *args: Any) -> T:
    """Read in a thread, with its database connection closed when it is old."""
    work = database_sync_to_async(read, thread_sensitive=False, executor=THREADS)
    found: T = await work(*args)
    return found
