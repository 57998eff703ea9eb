"""A flow that has a name and is closed: how it is declared, and what it can do."""

from __future__ import annotations

from sayiir.workflow.declaring import workflow
from sayiir.workflow.runnable import Workflow

__all__ = ["Workflow", "workflow"]
