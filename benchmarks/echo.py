"""The least that FastAPI can do: the measure of what a request costs before anything is computed."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Message(BaseModel):
    """What is sent back."""

    customer_id: str
    value: float


@app.post("/echo")
async def echo(message: Message) -> Message:
    """Return what was sent."""
    return message
