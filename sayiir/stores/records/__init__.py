"""The rows that cross the store protocols: bytes, ids and times, never user code.

Times are whole microseconds since the Unix epoch by the *store's* clock (``_at_us``) or spans
of microseconds (``_us``). ``path`` and ``input`` are text that only the engine reads: the
position of a work item and the reference to its input.
"""

from __future__ import annotations

from sayiir.stores.records.checkpoints import (
    Answer,
    Await,
    Checkpoint,
    Effect,
    End,
    Fail,
    Move,
    NewItem,
    Park,
    Result,
    Retry,
    Spawn,
)
from sayiir.stores.records.claims import (
    ClaimAnswer,
    Claimed,
    ClaimRequest,
    Event,
    LeaseState,
    interruption_wait_us,
)
from sayiir.stores.records.creation import CreateAnswer, NewInstance
from sayiir.stores.records.instances import (
    InstanceQuery,
    InstanceRecord,
    Page,
    ParkedItem,
    ResultRecord,
)
from sayiir.stores.records.items import ROOT, Fence, ItemKey
from sayiir.stores.records.reads import ArmEnd, Latest, Loaded, Wanted
from sayiir.stores.records.states import Control, InstanceState, Phase, StatusName

__all__ = [
    "ROOT",
    "Answer",
    "ArmEnd",
    "Await",
    "Checkpoint",
    "ClaimAnswer",
    "ClaimRequest",
    "Claimed",
    "Control",
    "CreateAnswer",
    "Effect",
    "End",
    "Event",
    "Fail",
    "Fence",
    "InstanceQuery",
    "InstanceRecord",
    "InstanceState",
    "ItemKey",
    "Latest",
    "LeaseState",
    "Loaded",
    "Move",
    "NewInstance",
    "NewItem",
    "Page",
    "Park",
    "ParkedItem",
    "Phase",
    "Result",
    "ResultRecord",
    "Retry",
    "Spawn",
    "StatusName",
    "Wanted",
    "interruption_wait_us",
]
