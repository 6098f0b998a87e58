-- reads: events
-- The cascade behind every event: each event with its chain of causes back to the first, nearest first.
create view cascade as
with recursive chain as (
    select event_id as root_of, event_id, cause_id, 0 as depth from events
    union all
    select c.root_of, e.event_id, e.cause_id, c.depth + 1
    from chain c join events e on e.event_id = c.cause_id where c.depth < 64
)
select c.root_of as event_id, c.depth, e.event_id as link_id, e.tick, e.t, e.service, e.event, e.subject, e.value, e.origin
from chain c join events e using (event_id);
