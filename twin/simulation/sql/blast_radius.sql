-- reads: impairment
-- Blast radius over time: how many customer-visible services are degraded or worse, impaired or worse, down.
create view blast_radius as
select tick, any_value(t) as t,
    sum((state >= 'degraded'::state)::int)::bigint as degraded,
    sum((state >= 'impaired'::state)::int)::bigint as impaired,
    sum((state >= 'down'::state)::int)::bigint as down,
    sum(error_ratio * (state >= 'impaired'::state)::int) * sample_s() / 60 as lost_min
from impairment join services using (service)
where visible
group by tick;
