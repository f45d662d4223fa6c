"""/v1: what OpenAI's clients speak. An ASGI application of its own, so that no answer holds one of
the threads that requests have; it reads the database as sockets do."""

import json
import logging
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from django.db import InterfaceError, OperationalError
from pydantic import ValidationError

from r1web.accounts.models import User
from r1web.accounts.services import authenticate_token
from r1web.errors import ProblemError
from r1web.live.auth import Receive, Scope, Send, bearer_of
from r1web.live.reading import in_db
from r1web.playground import selectors, services
from r1web.playground.consumers import until_gone
from r1web.playground.openai_schemas import UNKNOWN, ChatError, ChatIn
from r1web.playground.selectors import Speaker
from r1web.playground.services import FailedError

logger = logging.getLogger(__name__)

PREFIX = "/v1/"
LARGEST_BODY = 256 * 1024
JSON = b"application/json"
EVENTS = b"text/event-stream"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one HTTP request below /v1/."""
    try:
        await _answer(scope, receive, send)
    except ChatError as error:
        await _send_json(send, error.status, error.body())
    except ProblemError as error:
        path = error.errors[0].path if error.errors else None
        told = ChatError(error.status, error.detail, error.code, path)
        await _send_json(send, error.status, told.body())
    except (OperationalError, InterfaceError) as error:
        logger.error("%s: the database does not answer: %s", scope["path"], error)  # noqa: TRY400 - the cause is in the line
        away = ChatError(503, "The database does not answer: ask again.", "database_away")
        await _send_json(send, 503, away.body())


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    user: User = await in_db(_user_of, scope)
    path, method = scope["path"].removeprefix(PREFIX), scope["method"]
    if path == "models" and method == "GET":
        await _send_json(send, 200, {"object": "list", "data": await in_db(_models, user)})
    elif path.startswith("models/") and method == "GET":
        speaker = await in_db(selectors.find_speaker, user, path.removeprefix("models/"))
        await _send_json(send, 200, _model(speaker))
    elif path == "chat/completions" and method == "POST":
        await _chat(user, _read(await _body(receive)), receive, send)
    else:
        message = "There are GET /v1/models and POST /v1/chat/completions here."
        raise ChatError(404, message, "not_found")


def _user_of(scope: Scope) -> User:
    secret = bearer_of(scope)
    if secret is None:
        raise ChatError(401, "Send a token of yours as the API key.", "not_authenticated")
    return authenticate_token(secret=secret)


def _models(user: User) -> list[dict[str, Any]]:
    return [_model(speaker) for speaker in selectors.all_speakers(user)]


def _model(speaker: Speaker) -> dict[str, Any]:
    owner = speaker.run.project.slug
    return {"id": speaker.name, "object": "model", "created": speaker.created, "owned_by": owner}


async def _body(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ChatError(400, "The request ended before its body did.", "bad_request")
        body += bytes(message.get("body", b""))
        if len(body) > LARGEST_BODY:
            raise ChatError(413, "The body is larger than 256 KB: send less.", "too_large")
        if not message.get("more_body"):
            return body


def _read(body: bytes) -> ChatIn:
    try:
        given = json.loads(body)
    except ValueError as error:
        raise ChatError(400, "The body is not JSON: correct it.", "malformed_json") from error
    try:
        chat = ChatIn.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part)
        raise ChatError(400, f"{field}: {first['msg']}.", "invalid", field) from error
    for name in UNKNOWN:
        if given.get(name):
            raise ChatError(400, f"{name}: these models have none: leave it out.", "invalid", name)
    return chat


async def _chat(user: User, chat: ChatIn, receive: Receive, send: Send) -> None:
    request_id = await in_db(_ask, user, chat)
    answer = Answer(chat, request_id)
    work = answer.stream if chat.stream else answer.whole
    ended = False
    try:
        ended = await until_gone(lambda: work(send), receive) is not None
    finally:
        with suppress(ProblemError):  # Redis is away: then nobody answers any more either
            await in_db(services.settle if ended else services.cancel, request_id)


def _ask(user: User, chat: ChatIn) -> str:
    speaker = selectors.find_speaker(user, chat.model)
    request = chat.request(secrets.randbelow(2**63))
    return services.ask(user=user, speaker=speaker, request=request)


class Answer:
    """One chat completion, on its way."""

    def __init__(self, chat: ChatIn, request_id: str) -> None:
        self._chat, self._request_id = chat, request_id
        self._head = {
            "id": f"chatcmpl-{request_id}",
            "created": int(time.time()),
            "model": chat.model,
        }

    async def whole(self, send: Send) -> int:
        texts = [""] * (self._chat.n or 1)
        reasons: dict[int, str] = {}
        usage: dict[str, int] = {}
        async with aclosing(self._events()) as events:
            async for event in events:
                if event["type"] == "text":
                    texts[event["index"]] += event["text"]
                elif event["type"] == "ended":
                    reasons[event["index"]] = event["reason"]
                elif event["type"] == "usage":
                    usage = _usage(event)
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": text},
                "finish_reason": reasons[index],
                "logprobs": None,
            }
            for index, text in enumerate(texts)
        ]
        body = {**self._head, "object": "chat.completion", "choices": choices, "usage": usage}
        await _send_json(send, 200, body)
        return 200

    async def stream(self, send: Send) -> int:
        """What fails before the first token is an answer of its own; later it is a last event."""
        begun = False
        try:
            async with aclosing(self._events()) as events:
                async for event in events:
                    for chunk in self._chunks(event):
                        begun = begun or await _begin(send, 200, EVENTS)
                        await _send_part(send, f"data: {json.dumps(chunk)}\n\n")
        except ChatError as error:
            if not begun:
                raise
            await _send_part(send, f"data: {json.dumps(error.body())}\n\n")
        await _send_part(send, "data: [DONE]\n\n", more=False)
        return 200

    def _chunks(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        if event["type"] == "began":
            everyone = range(self._chat.n or 1)
            return [self._chunk(index, {"role": "assistant", "content": ""}) for index in everyone]
        if event["type"] == "text" and event["text"]:
            return [self._chunk(event["index"], {"content": event["text"]})]
        if event["type"] == "ended":
            return [self._chunk(event["index"], {}, event["reason"])]
        asked = self._chat.stream_options is not None and self._chat.stream_options.include_usage
        if event["type"] == "usage" and asked:
            head = {**self._head, "object": "chat.completion.chunk"}
            return [{**head, "choices": [], "usage": _usage(event)}]
        return []

    def _chunk(
        self, index: int, delta: dict[str, str], reason: str | None = None
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "finish_reason": reason, "logprobs": None}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    async def _events(self) -> AsyncGenerator[dict[str, Any], None]:
        """Raises ChatError for an answer that does not come."""
        try:
            async with aclosing(services.events(self._request_id)) as events:
                async for event in events:
                    if event["type"] == "refused":
                        field, colon, _ = event["message"].partition(":")
                        param = field if colon and field.isidentifier() else None
                        raise ChatError(400, event["message"], "refused", param)
                    yield event
        except FailedError as error:
            raise ChatError(503, str(error), "failed") from error


def _usage(event: dict[str, Any]) -> dict[str, int]:
    prompt, written = event["prompt_tokens"], event["tokens"]
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
    }


async def _send_json(send: Send, status: int, body: dict[str, Any]) -> None:
    await _begin(send, status, JSON)
    await _send_part(send, json.dumps(body), more=False)


async def _begin(send: Send, status: int, kind: bytes) -> bool:
    headers = [(b"content-type", kind), (b"cache-control", b"no-store")]
    headers.append((b"x-content-type-options", b"nosniff"))
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    return True


async def _send_part(send: Send, text: str, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": more})
