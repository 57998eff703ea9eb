-- Labels to filter by, what running tasks say of themselves, when events were sent, and finished
-- instances by the time of their end. None of it is touched by a step.

-- The instance's own text keeps their order; these rows find instances by them. No version
-- before this one could set any, so there is nothing to copy.
create table label (
    name text not null,
    value text not null,
    run integer not null,
    primary key (name, value, run)
) without rowid;
create index label_of_run on label (run);

-- Apart from the item, so that a report rewrites no row that a step rewrites. A row counts only
-- while the item has this epoch, stands there and has failed so often: steps clear nothing.
create table progress (
    run integer not null,
    spawn_path text not null,
    idx integer not null,
    epoch integer not null,
    stands_at text not null,
    failures integer not null,
    path text not null,
    attempt integer not null,
    fraction real,
    message text,
    reported_at integer not null,
    primary key (run, spawn_path, idx)
) without rowid;

alter table event add column sent_at integer;

create index instance_finished on instance (workflow_name, state, finished_at)
where state <> 0;
