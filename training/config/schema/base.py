"""What every part of the schema is made of."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def unit(name: str) -> dict[str, Any]:
    """JSON Schema extra that tells the form which unit to print beside the field."""
    return {"unit": name}


def fail(path: str, message: str) -> PydanticCustomError:
    """An error about how fields fit together, laid at the field a person should change."""
    return PydanticCustomError("does_not_fit", "{message}", {"path": path, "message": message})


Fraction = Annotated[float, Field(ge=0, le=1)]
