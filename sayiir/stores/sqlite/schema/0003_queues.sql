-- What a claim filters by: a definition, and what the next task asks of a worker. Work items name
-- one of these, so that no claim goes past what it may not have.
create table queue (
    id integer primary key,
    definition integer not null references definition (id),
    tags text not null, -- a JSON list, sorted
    unique (definition, tags)
);

-- Until now no task could ask for anything. A definition's queue without tags takes over its
-- number, so no item is rewritten.
insert into queue (id, definition, tags) select id, id, '[]' from definition;
alter table work_item rename column definition to queue;

-- A claim within one run may have to go past other queues of it, too.
drop index work_item_ready_of_run;
drop index work_item_due_of_run;
create index work_item_ready_of_run on work_item (run, queue, rank) where rank is not null;
create index work_item_due_of_run on work_item (run, queue, prio, due) where due is not null;
