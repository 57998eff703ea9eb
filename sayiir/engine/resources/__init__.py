"""Resources and the instances of class tasks: made once, entered once, left in order.

It knows no store, driver or runner, so that a worker process can keep its own in the same way.
"""

from __future__ import annotations

from sayiir.engine.resources.needs import Need, needs_of
from sayiir.engine.resources.pool import ResourcePool
from sayiir.engine.resources.registry import Resources

__all__ = ["Need", "ResourcePool", "Resources", "needs_of"]
