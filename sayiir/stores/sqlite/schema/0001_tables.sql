-- The first schema. Times are microseconds since the Unix epoch by the store's clock; the
-- numbers that stand for states, controls and phases are told in codes.py.

create table definition (
    id integer primary key,
    hash text not null unique,
    body blob not null
);

create table instance (
    run integer primary key autoincrement, -- never reused: fences outlive their run
    instance_id text not null unique,
    run_id text not null,
    definition integer not null references definition (id),
    workflow_name text not null,
    workflow_version text not null,
    state integer not null default 0,
    control integer not null default 0,
    reason text,
    requested_by text,
    priority integer not null,
    timeout integer,
    deadline_at integer,
    created_at integer not null,
    finished_at integer,
    parks integer not null default 0, -- counts parked items: who has waited longest
    output text,
    error blob,
    labels text not null,
    traceparent text
);
create index instance_named on instance (workflow_name, run);
create index instance_ended on instance (state, run) where state <> 0;
create index instance_ended_named on instance (workflow_name, state, run) where state <> 0;
create index instance_controlled on instance (run) where control <> 0;

-- Apart from the instance, whose row is rewritten when it ends: inputs may be large.
create table instance_input (
    run integer primary key,
    body blob not null
);

-- Who holds leases: each process that opened the file, for as long as it may hold some.
create table process (
    id integer primary key autoincrement,
    token text not null unique
);

create table work_item (
    run integer not null,
    spawn_path text not null,
    idx integer not null,
    parent_spawn_path text,
    parent_idx integer,
    definition integer not null,
    path text not null,
    input text not null,
    prio integer not null,
    phase integer not null,
    ready_at integer not null,
    rank integer, -- not null: can be claimed now, in this order
    due integer,  -- not null: has to be looked at then
    wake_at integer,
    wait_until integer, -- the end of the wait that follows interruptions
    epoch integer not null default 0,
    holder text,
    process integer,
    lease_until integer not null default 0,
    failures integer not null default 0,
    interruptions integer not null default 0,
    interruptions_ever integer not null default 0,
    signal_name text,
    parked_as integer not null default 0,
    event_id integer,
    created integer not null default 0,
    total integer,
    max_open integer,
    pending integer not null default 0,
    held integer not null default 0,
    output text,
    error blob,
    error_at integer not null default 0,
    failed integer not null default 0,
    primary key (run, spawn_path, idx)
) without rowid;
-- Claims read these and never meet what is parked, paused, ended or of another definition. The
-- steps of an item that keeps its lease touch none of them.
create index work_item_ready on work_item (definition, rank) where rank is not null;
create index work_item_due on work_item (definition, prio, due) where due is not null;
create index work_item_ready_of_run on work_item (run, rank) where rank is not null;
create index work_item_due_of_run on work_item (run, prio, due) where due is not null;
create index work_item_leased on work_item (process) where process is not null;
create index work_item_interrupted on work_item (run) where wait_until is not null;
create index work_item_open on work_item (run) where phase <> 6;
create index work_item_held on work_item (run, spawn_path) where phase = 5;
create index work_item_waiting on work_item (run, signal_name, parked_as)
where phase = 3 and event_id is null;
create index work_item_waiting_at on work_item (run, path) where phase = 3 and event_id is null;
-- For lists: runs with something parked on a timer.
create index work_item_timed on work_item (run) where phase in (1, 2);

-- Apart from the item, whose row is rewritten at every step.
create table element (
    run integer not null,
    spawn_path text not null,
    idx integer not null,
    body blob not null,
    primary key (run, spawn_path, idx)
) without rowid;

create table task_result (
    seq integer primary key,
    run integer not null,
    path text not null,
    node_path text not null,
    ordinal blob not null,
    attempts integer not null,
    duration integer not null,
    finished_at integer not null,
    output blob not null
);
create unique index task_result_path on task_result (run, path);
-- Outside of loops and maps the node path is the path, and the index above finds it.
create index task_result_node on task_result (run, node_path, ordinal) where node_path <> path;

create table event (
    id integer primary key autoincrement,
    run integer not null,
    signal_name text not null,
    address text not null, -- the path it was sent to; empty: to any wait of that name
    consumed_at_path text,
    payload blob not null
);
create index event_kept on event (run, signal_name, address, id) where consumed_at_path is null;
create index event_consumed on event (run, consumed_at_path) where consumed_at_path is not null;
