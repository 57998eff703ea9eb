"""Every bound in one place. Reaching one is a clear error, never a hang or a silent cut.

Sizes are bytes unless the name says otherwise; times are seconds.
"""

from __future__ import annotations

from typing import Final

# -- definitions
MAX_ID_CHARACTERS: Final = 128
MAX_INSTANCE_ID_BYTES: Final = 256
MAX_NESTING_DEPTH: Final = 50
MAX_NODES: Final = 1_000_000
MAX_TAGS: Final = 20
MAX_TAG_CHARACTERS: Final = 64
MAX_FORK_ARMS: Final = 10_000
MAX_DURATION_SECONDS: Final = 100 * 366 * 86_400
"""A hundred years: beyond it a duration is taken for a mistake."""

# -- values
MAX_RESULT_BYTES: Final = 16 * 1024 * 1024
MAX_JOIN_BYTES: Final = 64 * 1024 * 1024
MAX_JOIN_ELEMENTS: Final = 100_000
MAX_VALUE_DEPTH: Final = 200
"""How deep lists and mappings may nest in a stored value."""
MAX_LABELS: Final = 50
MAX_LABEL_NAME_CHARACTERS: Final = 64
MAX_LABEL_VALUE_CHARACTERS: Final = 256
MAX_PROGRESS_MESSAGE_CHARACTERS: Final = 500
"""A longer message is cut: progress is for people, and must not fail a task."""
MAX_TRACEBACK_CHARACTERS: Final = 20_000
MAX_MESSAGE_CHARACTERS: Final = 5_000

# -- running
DEFAULT_LEASE_SECONDS: Final = 30.0
LEASE_RENEWALS_PER_LEASE: Final = 3
MAX_INTERRUPTIONS: Final = 10
"""Interruptions in a row at one position before the instance fails with WorkerLost."""
INTERRUPTIONS_BEFORE_ISOLATION: Final = 2
"""From this interruption on an item waits, growing, and runs alone in its process."""
MAX_INTERRUPTION_WAIT_SECONDS: Final = 300.0
MAX_ABANDONED_THREADS: Final = 64
RESOURCE_GRACE_SECONDS: Final = 10.0
"""How long closing waits for a thread that is still entering a resource."""
PROCESS_READY_SECONDS: Final = 300.0
"""A worker process starts, imports a task's module and makes its resources in that time; only
then the task's own timeout counts."""
MAX_BACKOFF_SLEPT_IN_PLACE_SECONDS: Final = 5.0
"""A longer backoff parks; a shorter one is slept with the lease kept."""
CONTROL_POLL_SECONDS: Final = 1.0
EMBEDDED_CONCURRENCY: Final = 100
WORKER_CONCURRENCY: Final = 100
MAX_CONCURRENCY: Final = 100_000
MAX_WORKER_PROCESSES: Final = 512
MAX_WORKER_ID_CHARACTERS: Final = 200
DEFAULT_POLL_SECONDS: Final = 1.0
DEFAULT_GRACE_SECONDS: Final = 20.0
"""How long a worker that is told to stop lets its tasks run: what orchestrators wait before they
kill (30 s, often) has room for it and for what follows."""
LEAVE_SECONDS: Final = 1.0
"""A worker that is told to leave at once, or whose grace is over, is gone within that time."""
SPAWN_BATCH_ITEMS: Final = 1_000
MIN_ARMS_KEPT: Final = 4
"""Arms that are kept where no slot is free: to claim the few of a small fork apart costs more
than it costs others to leave them to who has their input at hand."""
RANK_SECONDS_PER_PRIORITY: Final = 300
DEFAULT_PRIORITY: Final = 3
MAX_LIST_LIMIT: Final = 1_000
MAX_INSPECTED: Final = 1_000
"""So many open items and kept events are shown of one instance."""
MAX_WORKERS_SHOWN: Final = 1_000
"""So many workers are told of at once, busy or idle."""
MAX_RERUN_TEXT_CHARACTERS: Final = 4_096
"""What an instance that was started again carries in every position, of where it takes earlier
results from."""
DELETE_BATCH_INSTANCES: Final = 100
"""So many finished instances are removed in one transaction."""
PROGRESS_SECONDS: Final = 1.0
"""A process writes what its tasks report at most this often."""
MAX_UNTOLD_EVENTS: Final = 10_000
"""So many events wait for a slow asynchronous listener; beyond them events are dropped."""
