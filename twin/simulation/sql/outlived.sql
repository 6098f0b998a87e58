-- reads: stretches, samples, cascade, interventions
-- How long each stretch of impairment outlived the faults in its chain of causes; metastable from metastable_s() on.
-- A stretch is an onset and the recovery after it, as the run itself noted them; those without a fault in their chain,
-- or with one that never ended, are left out.
create view outlived as
select s.service, s.event_id, max(i.ends) as fault_ends,
    (coalesce(s.recovery_tick, (select max(tick) from samples)) - max(i.ends)) * tick_s() as outlived_s
from stretches s join cascade c using (event_id) join interventions i on i.id = c.subject and i.kind = 'fault'
where c.origin = 'input'
group by s.service, s.event_id, s.recovery_tick
having bool_and(i.ends is not null);
