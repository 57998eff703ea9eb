"""The workflow behind the service: an article is proofread, waits for a decision, is published."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from sayiir import Flow, await_signal, task, workflow, workflow_input

__all__ = ["PROOFREAD", "Article", "Decision", "Publication", "publish_article", "split"]

PROOFREAD: Final = "map/proofread"
"""Node path of the paragraphs that are proofread: the map's items without their numbers."""

SECONDS_A_PARAGRAPH: Final = 0.3
LONG_SENTENCE_WORDS: Final = 30


class Model(BaseModel):
    """Frozen; unknown fields are errors, so that a misspelt one is told and not dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Article(Model):
    """The input: what is sent to ``PUT /articles/{id}``."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(min_length=1, max_length=100_000)]


class Remarks(Model):
    """What is to be said of one paragraph."""

    words: int
    remarks: tuple[str, ...]


class Decision(Model):
    """The payload of the signal ``decision``: what is sent to ``POST /articles/{id}/decision``."""

    approved: bool
    by: Annotated[str, Field(min_length=1, max_length=100)]


class Publication(Model):
    """The output: what ``GET /articles/{id}/result`` gives."""

    title: str
    published: bool
    decided_by: str
    words: int
    remarks: tuple[str, ...]


@task
def split(article: Article) -> list[str]:
    """The paragraphs."""
    return [each.strip() for each in article.text.split("\n\n") if each.strip()]


@task(timeout="1m", retries=3, idempotent=True)
async def proofread(paragraph: str) -> Remarks:
    """Stands for a service that takes its time; each paragraph is a checkpoint."""
    await asyncio.sleep(SECONDS_A_PARAGRAPH)
    sentences = [each.split() for each in paragraph.replace("!", ".").split(".")]
    long = [words for words in sentences if len(words) > LONG_SENTENCE_WORDS]
    remarks = tuple(f"a sentence of {len(words)} words: {' '.join(words[:4])} …" for words in long)
    return Remarks(words=len(paragraph.split()), remarks=remarks)


@task
def publish(
    proof: list[Remarks], decision: Decision, article: Article = workflow_input(Article)
) -> Publication:
    """Whether it is published is for a person to say; what was remarked comes along."""
    return Publication(
        title=article.title,
        published=decision.approved,
        decided_by=decision.by,
        words=sum(each.words for each in proof),
        remarks=tuple(remark for each in proof for remark in each.remarks),
    )


@workflow
def publish_article() -> Flow[Article, Publication]:
    """Two paragraphs at a time; then it waits for a decision, for a month at most."""
    return (
        split
        >> proofread.map(max_concurrency=2)
        >> await_signal("decision", Decision, timeout="30d", keep_input=True)
        >> publish
    )
