"""The client: what a program asks of instances that workers and runners run."""

from __future__ import annotations

from sayiir.client.workflow_client import AsyncWorkflowClient

__all__ = ["AsyncWorkflowClient"]
