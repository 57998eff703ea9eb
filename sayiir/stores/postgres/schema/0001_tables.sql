-- The first schema. `@` stands for the schema that the tables live in. Times are microseconds
-- since the Unix epoch by the server's clock; the numbers that stand for states, controls and
-- phases are those of every relational store of ours. Paths are ordered byte by byte.

create table @definition (
    id integer generated always as identity primary key,
    hash text collate "C" not null unique,
    body bytea not null
);

-- What a claim filters by: a definition, and what the next task asks of a worker. Work items
-- name one of these, so that no claim goes past what it may not have.
create table @queue (
    id integer generated always as identity primary key,
    definition integer not null references @definition (id),
    tags text[] collate "C" not null,
    unique (definition, tags)
);

create table @instance (
    run bigint generated always as identity primary key, -- never reused: fences outlive their run
    instance_id text collate "C" not null unique,
    run_id text collate "C" not null,
    definition integer not null references @definition (id),
    workflow_name text collate "C" not null,
    workflow_version text collate "C" not null,
    state smallint not null default 0,
    control smallint not null default 0,
    reason bytea,       -- people's own words may hold what text can't (a NUL): UTF-8, as bytes
    requested_by bytea,
    priority smallint not null,
    timeout bigint,
    deadline_at bigint,
    created_at bigint not null,
    finished_at bigint,
    parks bigint not null default 0, -- counts parked items: who has waited longest
    output text collate "C",
    error bytea,
    labels bytea not null,
    traceparent bytea
) with (fillfactor = 80);
create index instance_named on @instance (workflow_name, run);
create index instance_ended on @instance (state, run) where state <> 0;
create index instance_ended_named on @instance (workflow_name, state, run) where state <> 0;
create index instance_controlled on @instance (run) where control <> 0;
create index instance_finished on @instance (workflow_name, state, finished_at) where state <> 0;

-- Apart from the instance, whose row is rewritten when it ends: inputs may be large.
create table @instance_input (
    run bigint primary key,
    body bytea not null
);
alter table @instance_input alter column body set storage external;

-- Narrow, and rewritten in place at a step (HOT): no index names a column that a step changes.
create table @work_item (
    run bigint not null,
    spawn_path text collate "C" not null,
    idx integer not null,
    parent_spawn_path text collate "C",
    parent_idx integer,
    queue integer not null,
    path text collate "C" not null,
    input text collate "C" not null,
    prio smallint not null,
    own_prio smallint not null, -- the instance's priority: what a task without one is given
    phase smallint not null,
    -- What was asked of the instance, or that it has ended: so that a step meets it in the row
    -- that it writes, whoever asked while it waited for the row.
    control smallint not null default 0,
    ready_at bigint not null,
    rank bigint, -- not null: can be claimed now, in this order
    due bigint,  -- not null: has to be looked at then
    wake_at bigint,
    wait_until bigint, -- the end of the wait that follows interruptions
    epoch integer not null default 0,
    holder text collate "C",
    lease_until bigint not null default 0,
    failures integer not null default 0,
    interruptions integer not null default 0,
    interruptions_ever integer not null default 0,
    signal_name text collate "C",
    parked_as bigint not null default 0,
    event_id bigint,
    created integer not null default 0,
    total integer,
    max_open integer,
    pending integer not null default 0,
    held integer not null default 0,
    output text collate "C",
    error bytea,
    error_at bigint not null default 0,
    failed smallint not null default 0,
    primary key (run, spawn_path, idx)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
-- Claims read these two and never meet what is parked, paused, ended or in another queue.
create index work_item_ready on @work_item (queue, rank, run, spawn_path, idx)
where rank is not null;
create index work_item_due on @work_item (queue, prio, due, run, spawn_path, idx)
where due is not null;
create index work_item_open on @work_item (run) where phase <> 6;
create index work_item_held on @work_item (run, spawn_path, idx) where phase = 5;
create index work_item_waiting on @work_item (run, signal_name, parked_as)
where phase = 3 and event_id is null;
-- For lists: runs with something parked on a timer, and runs that workers have before them.
create index work_item_timed on @work_item (run) where phase in (1, 2);
create index work_item_active on @work_item (run)
where holder is not null or rank is not null or wait_until is not null;

-- Apart from the item, whose row is rewritten at every step.
create table @element (
    run bigint not null,
    spawn_path text collate "C" not null,
    idx integer not null,
    body bytea not null,
    primary key (run, spawn_path, idx)
);
alter table @element alter column body set storage external;

-- What running tasks say of themselves. A row counts only while the item has this epoch, stands
-- there and has failed so often: steps clear nothing.
create table @progress (
    run bigint not null,
    spawn_path text collate "C" not null,
    idx integer not null,
    epoch integer not null,
    stands_at text collate "C" not null,
    failures integer not null,
    path text collate "C" not null,
    attempt integer not null,
    fraction double precision,
    message bytea,
    reported_at bigint not null,
    primary key (run, spawn_path, idx)
) with (fillfactor = 50);

create table @task_result (
    run bigint not null,
    path text collate "C" not null,
    seq bigint generated always as identity,
    node_path text collate "C" not null,
    ordinal bytea not null,
    attempts integer not null,
    duration bigint not null,
    finished_at bigint not null,
    output bytea not null,
    primary key (run, path)
);
alter table @task_result alter column output set storage external;
-- Outside of loops and maps the node path is the path, and the key above finds it.
create index task_result_node on @task_result (run, node_path, ordinal) where node_path <> path;

create table @event (
    id bigint generated always as identity primary key,
    run bigint not null,
    signal_name text collate "C" not null,
    address text collate "C" not null, -- the path it was sent to; empty: to any wait of that name
    consumed_at_path text collate "C",
    payload bytea not null,
    sent_at bigint not null
);
create index event_kept on @event (run, signal_name, address, id) where consumed_at_path is null;
create index event_consumed on @event (run, consumed_at_path) where consumed_at_path is not null;

-- The instance's own bytes keep their order; these rows find instances by them.
create table @label (
    name bytea not null,
    value bytea not null,
    run bigint not null,
    primary key (name, value, run)
);
create index label_of_run on @label (run);
