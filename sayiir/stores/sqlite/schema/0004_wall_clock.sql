-- One row: how far the wall clock was ahead of the time since the machine started, in microseconds,
-- as the leases' ends go by it. Where it has grown, the clock was set forwards, and they move along.
create table wall_clock (
    id integer primary key check (id = 1),
    ahead integer not null
);
