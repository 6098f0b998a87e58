-- reads: events, samples
-- Each onset of impairment and the recovery after it, as the run itself noted them; one that never ended has none.
-- An onset after the last sample is left out.
create view stretches as
select o.service, o.event_id, o.tick as onset_tick, min(r.tick) as recovery_tick
from events o left join events r on r.service = o.service and r.event = 'recovery' and r.tick > o.tick
where o.event = 'onset' and o.tick < (select max(tick) from samples)
group by o.service, o.event_id, o.tick;
