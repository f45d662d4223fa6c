"""`/ws/answers/{id}`: the events of one answer, for who asked. Who closes it wants no more.

Close codes: 4401 not signed in, 4404 no such answer (for you), 1000 it has ended.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

from r1web.accounts.services import present_users
from r1web.errors import ProblemError
from r1web.live.auth import Receive, Scope, Send, credentials_of
from r1web.live.reading import in_db
from r1web.playground import services
from r1web.playground.services import FailedError

NOT_SIGNED_IN = 4401
NOT_FOUND = 4404
ENDED = 1000


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    """From handshake to close. It accepts first: only an open socket can be told why not."""
    request_id: str = scope["url_route"]["kwargs"]["request_id"]
    await receive()
    await send({"type": "websocket.accept"})
    code = await _why_not(scope, request_id)
    if code is None:
        code = await until_gone(lambda: _send_all(request_id, send), receive)
        if code is None:
            await in_db(_give_up, request_id)
            return
    await send({"type": "websocket.close", "code": code})


async def until_gone(work: Callable[[], Awaitable[int]], receive: Receive) -> int | None:
    """What `work` returns; None, and no more of it, when the other side went before."""
    gone = asyncio.create_task(_disconnected(receive))
    working = asyncio.ensure_future(work())
    try:
        await asyncio.wait({gone, working}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (gone, working):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _why_not(scope: Scope, request_id: str) -> int | None:
    credentials = credentials_of(scope)
    user_id = (await in_db(present_users, [credentials])).get(credentials)
    if user_id is None:
        return NOT_SIGNED_IN
    return None if await in_db(services.may_read, user_id, request_id) else NOT_FOUND


async def _send_all(request_id: str, send: Send) -> int:
    try:
        async with aclosing(services.events(request_id)) as events:
            async for event in events:
                await _send_event(send, event)
    except FailedError as error:
        await _send_event(send, {"type": "refused", "message": str(error)})
    await in_db(_settle, request_id)
    return ENDED


async def _send_event(send: Send, event: dict[str, Any]) -> None:
    await send({"type": "websocket.send", "text": json.dumps(event)})


def _settle(request_id: str) -> None:
    with suppress(ProblemError):  # Redis is away: then it has forgotten the request, too
        services.settle(request_id)


def _give_up(request_id: str) -> None:
    with suppress(ProblemError):  # Redis is away: then nobody answers any more either
        services.cancel(request_id)


async def _disconnected(receive: Receive) -> None:
    """Until the other side goes. What it says meanwhile is not needed."""
    while not (await receive())["type"].endswith(".disconnect"):
        pass
