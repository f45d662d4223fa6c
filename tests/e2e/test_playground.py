"""Talking to a model: OpenAI's own client, and a person in the browser."""

import re

import openai
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.api import SMALL, Api
from tests.e2e.product import Product

pytestmark = pytest.mark.e2e

QUESTION = "State the final answer to the following arithmetic problem: 42 - 25 ="
QUICK = {**SMALL, "grpo": {**SMALL["grpo"], "steps": 2}, "checkpoint": {"every_steps": 2}}


def test_openais_client_talks_to_base_and_checkpoint(api: Api, product: Product) -> None:
    run = api.start("talked to", QUICK)
    assert api.await_end(run)["state"] == "finished"
    client = openai.OpenAI(base_url=f"{product.url}/v1", api_key=product.token, max_retries=0)
    models = [model.id for model in client.models.list() if model.id.startswith(f"run-{run}/")]
    assert models == [f"run-{run}/base", f"run-{run}/step-2"]
    assert client.models.retrieve(models[1]).id == models[1]
    for model in models:
        _whole_and_stream_agree(client, model)
    _mistakes_are_told(client, models[0])


def _whole_and_stream_agree(client: openai.OpenAI, model: str) -> None:
    whole = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], seed=5, n=3, temperature=0.8
    )
    assert whole.usage is not None
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    texts, reasons, usage = ["", "", ""], ["", "", ""], None
    for chunk in client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], seed=5, n=3, temperature=0.8,
        stream=True, stream_options={"include_usage": True},
    ):  # fmt: skip
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            reasons[choice.index] = choice.finish_reason or ""
        usage = chunk.usage
    assert texts == [choice.message.content for choice in whole.choices]
    assert reasons == [choice.finish_reason for choice in whole.choices]
    assert usage == whole.usage
    short = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], seed=5, max_tokens=2
    )
    assert short.usage is not None
    assert (short.choices[0].finish_reason, short.usage.completion_tokens) == ("length", 2)


def _mistakes_are_told(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError, match="run-12/step-300"):
        client.chat.completions.create(
            model="gpt-4", messages=[{"role": "user", "content": QUESTION}]
        )
    with pytest.raises(openai.BadRequestError, match="tools: these models have none"):
        client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": QUESTION}],
            tools=[{"type": "function", "function": {"name": "add"}}],
        )  # fmt: skip
    with pytest.raises(openai.BadRequestError, match="positions"):
        client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "9" * 2000}]
        )
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="r1w_wrong").models.list()


def test_a_person_asks_base_and_checkpoint_side_by_side(api: Api, page: Page) -> None:
    run = api.start("before and after", QUICK)
    assert api.await_end(run)["state"] == "finished"
    page.goto(f"/runs/{run}")
    page.get_by_role("tab", name=re.compile("Checkpoints")).click()
    page.get_by_role("link", name="Talk to it").click()
    page.get_by_role("spinbutton", name="Seed").fill("3")
    page.get_by_role("button", name="Ask", exact=True).click()
    for name in ("base", "step-2"):
        card = page.get_by_role("article", name=name, exact=True)
        expect(card.get_by_title(re.compile("^accuracy: "))).to_be_visible()
        expect(card.get_by_text("right answer 155")).to_be_visible()
        reasoning = card.get_by_text(re.compile(r"Reasoning, \d+ tokens"))
        reasoning.click()
        expect(card.get_by_text("think", exact=True)).to_be_visible()
    assert "seed=3" in page.url
    page.get_by_role("button", name="A question of yours").click()
    page.get_by_role("textbox", name="Question").fill("<b>3 + 4</b> =")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("without accuracy")).to_have_count(2)
