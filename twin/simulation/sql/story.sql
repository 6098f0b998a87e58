-- reads: events
-- The story of every service: its events in order, each with what caused it.
create view story as
select e.tick, e.t, e.service, e.event, e.subject, e.value, e.origin,
    c.service as cause_service, c.event as cause_event, c.subject as cause_subject, c.t as cause_t
from events e left join events c on c.event_id = e.cause_id
order by e.event_id;
