-- For lists: what waits, by queue, and so by workflow. A page of one workflow goes past nothing that
-- waits of another. The first takes the place of the index by run alone: a list of all merges the
-- queues.
drop index work_item_timed;
create index work_item_timed on work_item (queue, run) where phase in (1, 2);
create index work_item_awaiting on work_item (queue, run) where phase = 3 and event_id is null;
