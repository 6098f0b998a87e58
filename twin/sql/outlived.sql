-- reads: episodes, events, cascade, interventions, samples
-- How long each stretch of impairment outlived the faults in its chain of causes; metastable from metastable_s() on.
-- Stretches without a fault in their chain, or with one that never ended, are left out.
create view outlived as
with began as (
    select e.service, e.episode, e.recovery_tick, max(o.event_id) as event_id
    from episodes e join events o on o.service = e.service and o.event = 'onset'
        and o.tick between e.onset_tick and coalesce(e.recovery_tick, (select max(tick) from samples)) + hold_s() / tick_s()
    group by e.service, e.episode, e.recovery_tick
)
select b.service, b.episode, max(i.ends) as fault_ends,
    (coalesce(b.recovery_tick, (select max(tick) from samples)) - max(i.ends)) * tick_s() as outlived_s
from began b join cascade c using (event_id) join interventions i on i.id = c.subject and i.kind = 'fault'
where c.origin = 'input'
group by b.service, b.episode, b.recovery_tick
having bool_and(i.ends is not null);
