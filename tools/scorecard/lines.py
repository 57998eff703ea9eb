"""The lines of the scorecard: what is shown, at which figure, and by which tests."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

__all__ = ["LINES", "Line", "is_of_a_line"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        number: 1 to 30.
        promises: the promises that it shows, by their numbers in ``guarantees.md``.
        what: what is done.
        asked: the figure that is asked of the nightly run.
        push: the figure that is asked of every push.
        tests: ``tests/file.py::name``; ``tests/file.py`` for all that a file has.
        short: where a test does less than asked even if it passes; empty if it doesn't.
    """

    number: int
    promises: tuple[int, ...]
    what: str
    asked: str
    push: str
    tests: tuple[str, ...]
    short: str = ""


LINES: Final = (
    Line(
        1,
        (1, 2, 3),
        "crash before and after store writes of seeded random graphs, in process and by SIGKILL",
        "every write of 130 graphs; 10,000 SIGKILLs; wrong 0, committed tasks run again 0",
        "every write of 130 graphs; 500 SIGKILLs",
        (
            "tests/sim/test_crash_every_write.py::test_a_crash_at_any_write_is_made_good",
            "tests/sim/test_crash_sqlite.py::test_a_crash_is_made_good_in_a_file",
            "tests/sim/test_crash_postgres.py::test_a_crash_is_made_good_on_a_server",
            "tests/crash/test_sigkill.py::test_a_killed_process_is_continued_by_the_next",
            "tests/crash/test_sigkill.py::test_a_killed_process_is_continued_by_the_next_on_a_server",
        ),
        "Of the large size a share: 650 SIGKILLs from seed 50,020 on.",
    ),
    Line(
        2,
        (1, 2, 3),
        "killed again while it recovers",
        "2,000 pairs; wrong 0, run again 0",
        "200 pairs",
        ("tests/sim/test_crash_pairs.py::test_a_crash_during_recovery_is_made_good",),
    ),
    Line(
        3,
        (1, 2, 3, 4, 5, 6, 8),
        "a whole cluster in one seeded loop: crashes, pauses, lost replies, clock jumps",
        "200,000 seeds, 0 broken; a failing seed plays the same again",
        "1,000 seeds",
        (
            "tests/sim/test_cluster.py::test_no_invariant_is_broken",
            "tests/sim/test_cluster.py::test_a_seed_plays_the_same_again",
            "tests/sim/test_cluster.py::test_all_kinds_of_trouble_happen",
            "tests/sim/test_cluster.py::test_all_worlds_are_played",
        ),
        "Of the large size a share: seeds 100,000 to 109,799.",
    ),
    Line(
        4,
        (1, 2, 4, 6),
        "invariants after every simulated operation; engines broken on purpose",
        "at least 12, always evaluated; at least 30 mistakes, all found",
        "the same",
        (
            "tests/sim/test_cluster.py::test_there_are_enough_invariants",
            "tests/sim/test_broken_engines.py::test_each_mistake_is_found",
        ),
    ),
    Line(
        5,
        (1, 2, 3, 4, 5, 6),
        "one conformance suite over every store, and over stores broken on purpose",
        "at least 120 cases on memory, SQLite and PostgreSQL; at least 95 % of the mistakes caught",
        "the same",
        (
            "tests/stores/test_memory.py",
            "tests/stores/test_sqlite.py",
            "tests/stores/test_postgres.py",
            "tests/stores/test_broken.py::test_the_contract_catches_broken_stores",
        ),
    ),
    Line(
        6,
        (1, 2, 4, 6),
        "a state machine that plays SQLite and PostgreSQL against the memory store",
        "10,000 examples of 50 steps",
        "200 examples",
        (
            "tests/stores/test_sqlite_against_memory.py",
            "tests/stores/test_postgres_against_memory.py",
        ),
        "Of the large size a share: 1,000 examples on SQLite.",
    ),
    Line(
        7,
        (4,),
        "a worker stopped (SIGSTOP) past its lease, another takes over, the first goes on",
        "stale writes accepted 0 of 2,000",
        "0 of 200",
        ("tests/crash/test_zombies.py::test_nothing_that_a_zombie_writes_is_accepted",),
    ),
    Line(
        8,
        (3, 4),
        "many recoverers at one instant, and recovery against a fresh start",
        "doubles 0 of 10,000 rounds",
        "0 of 1,000",
        (
            "tests/stores/test_recoverers.py::test_each_lost_instance_and_each_fresh_one_has_one_owner",
        ),
    ),
    Line(
        9,
        (3, 4),
        "a race for claims: 32 workers (PostgreSQL), 8 processes (SQLite)",
        "100,000 and 10,000 items: twice 0, missed 0, deadlocks 0",
        "10,000 and 1,000",
        (
            "tests/postgres/test_claim_race.py::test_thirty_two_claimers_have_each_item_once",
            "tests/stores/test_sqlite_processes.py::test_two_processes_never_claim_the_same",
        ),
    ),
    Line(
        10,
        (1, 6),
        "an event sent while its wait begins: every interleaving, and very many at once",
        "100,000 sends on each store: lost 0, doubled 0",
        "10,000",
        (
            "tests/stores/test_events.py::test_every_order_of_sends_and_waits",
            "tests/stores/test_events.py::test_a_send_between_the_statements_of_a_wait",
            "tests/stores/test_events.py::test_very_many_sends_beside_their_waits",
            "tests/postgres/test_interleavings.py::test_one_comes_between_the_statements_of_the_other",
        ),
    ),
    Line(
        11,
        (6,),
        "an event and a timeout that are due together",
        "one winner in 10,000 rounds",
        "1,000",
        ("tests/stores/test_events.py::test_an_event_and_a_timeout_due_together",),
    ),
    Line(
        12,
        (1, 2, 3),
        "PostgreSQL stopped at once every 5 to 40 s under load",
        "lost 0, wrong 0; workers back by themselves within 10 s",
        "the same, stopped every 5 to 6 s",
        ("tests/crash/test_server_stops.py::test_a_server_that_is_stopped_at_once_loses_nothing",),
        "Every push stops it twice: each stop takes six seconds of everybody's time. 60 at night: "
        "lost 0, wrong 0 of 14,719, workers back after 12.7 s on a busy machine.",
    ),
    Line(
        13,
        (1, 5),
        "the connection that listens is killed, or silent, under load",
        "wake-ups restored within 15 s, polling meanwhile; lost 0",
        "the same",
        (
            "tests/postgres/test_notices.py::test_a_killed_listener_is_replaced",
            "tests/postgres/test_notices.py::test_a_silent_listener_is_replaced",
            "tests/postgres/test_deaf_workers.py::test_nothing_is_lost_while_nobody_hears",
        ),
    ),
    Line(
        14,
        (1, 2),
        "the connection is cut between COMMIT and its answer",
        "double commits 0 of 5,000",
        "0 of 500",
        (
            "tests/postgres/test_cut_commits.py::test_an_answer_that_is_lost_commits_nothing_twice",
            "tests/postgres/test_cut_commits.py::"
            "test_workers_whose_answers_are_lost_repeat_nothing_that_was_committed",
        ),
    ),
    Line(
        15,
        (2, 4),
        "cancelled at every turn of the loop, in the engine and in the store's calls",
        "leaked connections, leases and locks 0",
        "the same",
        (
            "tests/engine/test_cancelled_anywhere.py::"
            "test_a_cancelled_run_leaves_no_lease_and_goes_on_at_once",
            "tests/postgres/test_connections.py::test_cancelled_anywhere_nothing_is_leaked",
            "tests/stores/test_sqlite_faults.py::test_a_cancelled_caller_leaves_nothing_behind",
        ),
    ),
    Line(
        16,
        (1, 2),
        "SQLite on a full disk, by max_page_count and by RLIMIT_FSIZE, and I/O errors",
        "acknowledged rows lost 0, integrity ok, goes on with space, a log line a minute at most",
        "the same, a tenth as often",
        (
            "tests/stores/test_sqlite_faults.py::test_a_full_disk_stops_nothing_for_good",
            "tests/stores/test_sqlite_looks.py::test_a_disk_that_is_full_now_and_then_loses_nothing",
            "tests/stores/test_sqlite_looks.py::"
            "test_a_disk_that_is_full_in_a_checkpoint_loses_nothing",
            "tests/stores/test_sqlite_outages.py",
        ),
    ),
    Line(
        17,
        (1, 2),
        "images of database and WAL as a power failure leaves them",
        "2,000 open clean, acknowledged lost 0",
        "200",
        ("tests/stores/test_sqlite_power_loss.py::test_images_of_a_lost_power_open_clean",),
    ),
    Line(
        18,
        (1,),
        "16 processes on one SQLite file",
        '60 s: "database is locked" seen by users 0',
        "6 s",
        (
            "tests/stores/test_sqlite_processes.py::"
            "test_sixteen_processes_never_see_a_locked_database",
        ),
    ),
    Line(
        19,
        (4,),
        "open a store, then fork",
        "refused with a clear error",
        "the same",
        (
            "tests/stores/test_sqlite_processes.py::test_use_after_fork_is_refused",
            "tests/postgres/test_connections.py::test_a_forked_child_is_refused",
        ),
    ),
    Line(
        20,
        (4, 5),
        "clocks of workers and clients off by an hour, jumping by a day, backwards too",
        "early timers 0, live leases stolen 0",
        "the same",
        (
            "tests/stores/test_jumping_clocks.py::test_no_jump_fires_a_timer_early_or_ends_a_lease",
            "tests/stores/test_jumping_clocks.py::"
            "test_living_workers_keep_their_leases_over_a_jump",
            "tests/crash/test_lying_clocks.py::test_timers_and_leases_go_by_the_servers_clock",
        ),
    ),
    Line(
        21,
        (5,),
        "very many timers due within a minute",
        "100,000: early 0; p99 late 1 s (PostgreSQL), 2 s (SQLite) at most",
        "10,000 in 10 s: early 0",
        ("tests/crash/test_timers.py::test_no_timer_is_early_and_few_are_late",),
        "On SQLite it takes more than half a core, which there wasn't: 10,000 in 10 s.",
    ),
    Line(
        22,
        (3, 10),
        "a poison task that kills its worker",
        "WorkerLost after 10 interruptions, all other instances of that worker complete",
        "the same",
        (
            "tests/executors/test_killed_programs.py::"
            "test_a_poison_that_kills_its_runner_is_given_up_and_the_others_complete",
            "tests/engine/test_lost_workers.py::test_ten_interruptions_in_a_row_end_the_instance",
            "tests/engine/test_lost_workers.py::test_a_suspect_runs_alone",
        ),
    ),
    Line(
        23,
        (10,),
        "a hung task, a hung call of the database",
        "a process task killed within 1 s, calls bounded by 30 s, maintenance never starved",
        "the same",
        (
            "tests/executors/test_process_tasks.py::"
            "test_a_hung_process_is_killed_with_what_it_started",
            "tests/postgres/test_connections.py::"
            "test_a_server_that_says_nothing_is_waited_for_so_long",
            "tests/stores/test_sqlite_faults.py::test_nobody_waits_for_ever",
            "tests/crash/test_workers.py::test_a_blocked_loop_is_drained_when_it_is_free_again",
            "tests/postgres/test_renewals.py",
        ),
    ),
    Line(
        24,
        (1, 2, 8),
        "SIGTERM under load; three workers replaced one after the other",
        "3 workers, 20 times each: lost 0; ended within the grace and a second",
        "20 restarts",
        (
            "tests/crash/test_workers.py::test_sigterm_under_load_loses_and_repeats_nothing",
            "tests/crash/test_workers.py::test_rolling_restarts_lose_nothing",
            "tests/crash/test_workers.py::test_what_outlives_the_grace_is_left",
            "tests/crash/test_workers_corpus.py::"
            "test_the_corpus_comes_to_the_same_ends_though_one_worker_is_killed",
        ),
    ),
    Line(
        25,
        (7,),
        "16 migrators at once, killed in each step",
        "one version, the same schema",
        "the same",
        (
            "tests/postgres/test_migrations.py::test_sixteen_migrators_at_once_killed_anywhere",
            "tests/postgres/test_migrations.py::test_killed_at_every_statement_of_every_step",
            "tests/stores/test_sqlite_processes.py::test_sixteen_open_a_new_file_at_once",
            "tests/stores/test_sqlite_looks.py::test_the_steps_of_a_first_open_are_taken_up",
        ),
    ),
    Line(
        26,
        (7,),
        "the definition hash: edits, golden vectors, hash seeds, other Pythons",
        "50 kinds of edit, 100 seeds, Python 3.11 to 3.13: meaning changed ⇔ hash changed, 100 %",
        "50 kinds of edit, 20 seeds",
        (
            "tests/unit/dsl/test_hashing.py::test_there_are_at_least_fifty_kinds_of_edit",
            "tests/unit/dsl/test_hashing.py::test_an_edit_of_meaning_changes_the_hash",
            "tests/unit/dsl/test_hashing.py::test_an_edit_without_meaning_keeps_the_hash",
            "tests/unit/dsl/test_hashing.py::test_the_golden_vectors_hold",
            "tests/unit/dsl/test_hashing.py::test_hashes_are_equal_under_any_hash_seed",
            "tests/unit/dsl/test_hashing.py::test_other_pythons_give_the_golden_vectors",
        ),
    ),
    Line(
        27,
        (10,),
        "a million instances, all but some of them parked",
        "list page p95 50 ms (PostgreSQL), 100 ms (SQLite); claims no slower than with a "
        "thousand; by index",
        "20,000 (PostgreSQL): by index, rows read; 100,000 (SQLite): steps as with a thousand",
        (
            "tests/postgres/test_claim_plans.py::test_claims_and_steps_read_what_they_take",
            "tests/postgres/test_pages.py::test_pages_come_from_indexes",
            "tests/postgres/test_pages.py::test_a_page_of_a_million_takes_milliseconds",
            "tests/stores/test_sqlite_plans.py::test_every_statement_finds_its_rows_by_an_index",
            "tests/stores/test_parked.py::test_claims_and_pages_beside_very_many_parked",
            "tests/stores/test_parked.py::test_claims_of_a_server_beside_a_million_parked",
        ),
    ),
    Line(
        28,
        (11,),
        "payloads of every kind through every kind of node",
        "equal, or a recorded error; hung 0",
        "the same",
        (
            "tests/engine/test_payloads.py::test_equal_through_every_node",
            "tests/engine/test_payloads.py::test_what_cannot_be_stored_is_a_recorded_error",
            "tests/engine/test_payloads.py::test_as_large_and_as_deep_as_they_may_be",
        ),
    ),
    Line(
        29,
        (9,),
        "hostile blobs in every column",
        "1,000 in each: code executed 0, crashes 0",
        "100 in each",
        (
            "tests/security/test_hostile_blobs.py::test_hostile_blobs_in_a_sqlite_file",
            "tests/security/test_hostile_blobs.py::test_hostile_blobs_in_postgresql",
            "tests/security/test_hostile_blobs.py::test_hostile_numbers_in_a_sqlite_file",
            "tests/security/test_hostile_blobs.py::test_hostile_numbers_in_postgresql",
            "tests/security/test_hostile_blobs.py::test_hostile_definitions",
        ),
    ),
    Line(
        30,
        (9,),
        "the surface: bound SQL only, log lines and HTML escaped, no open dashboard",
        "findings 0",
        "the same",
        (
            "tests/security/test_static.py",
            "tests/security/test_logs.py",
            "tests/security/test_hostile_names.py",
        ),
        "There is no dashboard yet.",
    ),
)


@functools.cache
def _names() -> tuple[str, ...]:
    return tuple(test for line in LINES for test in line.tests)


def is_of_a_line(nodeid: str) -> bool:
    """Whether a test, or a case of it, shows one of the lines."""
    return any(shows(test, nodeid) for test in _names())


def shows(test: str, nodeid: str) -> bool:
    """Whether the id is that test, a case of it, or in that file."""
    return nodeid == test or nodeid.startswith((f"{test}[", f"{test}::"))
