"""What is asked and answered about releases."""

from datetime import datetime

from ninja import Schema
from pydantic import Field

from r1web.releases.models import ReleaseDtype, ReleaseState

REPO = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,95}$"


class ReleaseIn(Schema, extra="forbid"):
    dtype: ReleaseDtype = Field(default=ReleaseDtype.BF16, description="Of the weights.")
    push: str | None = Field(
        default=None,
        pattern=REPO,
        description="Repository owner/name on the node's Hugging Face hub; made private.",
    )


class ReleaseOut(Schema):
    id: int
    run: int
    checkpoint: int
    step: int
    dtype: ReleaseDtype
    state: ReleaseState
    reason: str
    asked_by: str | None
    asked_at: datetime
    ended_at: datetime | None
    node: str
    path: str = Field(description="Its directory below the data folder.")
    push_to: str
    pushed_to: str
    checked: str = Field(description="What the check in transformers has shown.")
    bytes: int = Field(description="All files together; 0 until they are there.")


class ReleaseList(Schema):
    items: list[ReleaseOut]
    next_cursor: str | None
    may_release: bool = Field(description="Whether you may ask for one.")
    may_push: bool = Field(description="Whether you may have one pushed to a hub.")


class ReleaseFile(Schema):
    name: str
    bytes: int
    sha256: str


class ReleaseFiles(Schema):
    items: list[ReleaseFile]
