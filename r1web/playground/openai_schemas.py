"""What OpenAI's clients send, as far as it is understood here."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from r1web.playground.schemas import LONGEST_TEXT

N_MOST = 8
UNKNOWN = ("tools", "functions", "response_format", "logprobs", "audio", "logit_bias")
"""What would change the answer and is not there: refused, not passed over."""


class Part(BaseModel):
    type: Literal["text"]
    text: str = Field(max_length=LONGEST_TEXT)


class Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, Field(max_length=LONGEST_TEXT)] | list[Part]

    def plain(self) -> dict[str, str]:
        parts = self.content if isinstance(self.content, list) else None
        text = self.content if parts is None else "".join(part.text for part in parts)
        return {"role": "system" if self.role == "developer" else self.role, "content": str(text)}


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatIn(BaseModel):
    """Of fields that others have, those in `UNKNOWN` are refused; the rest change nothing here."""

    model: str = Field(max_length=80)
    messages: list[Message] = Field(min_length=1, max_length=64)
    n: int | None = Field(None, ge=1, le=N_MOST)
    temperature: float | None = Field(None, ge=0, le=10)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    seed: int | None = Field(None, ge=0, lt=2**63)
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    def request(self, seed: int) -> dict[str, Any]:
        """As training/serving/requests.py reads it."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop
        given = {
            "n": self.n,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_completion_tokens or self.max_tokens,
            "stop": stop,
        }
        told = {name: value for name, value in given.items() if value is not None}
        messages = [message.plain() for message in self.messages]
        chosen = seed if self.seed is None else self.seed
        return {"type": "ask", "messages": messages, "seed": chosen, **told}


class ChatError(Exception):
    """What OpenAI's clients are told; `param` names the field."""

    def __init__(self, status: int, message: str, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param

    def body(self) -> dict[str, Any]:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        error = {"message": str(self), "type": kind, "param": self.param, "code": self.code}
        return {"error": error}
