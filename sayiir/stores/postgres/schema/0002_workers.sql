-- The workers that are here, so that idle ones can be seen. Nothing else depends on it: it is
-- rewritten in place every few seconds, and a row that is left over says by itself that it is.
create table @worker (
    worker_id text collate "C" primary key,
    workflows text[] collate "C" not null,
    tags text[] collate "C" not null,
    concurrency integer not null,
    started_at bigint not null,
    seen_at bigint not null,
    until_at bigint not null
) with (fillfactor = 50);
