-- reads: impairment
-- Blast radius over time: how many customer-visible services are degraded or worse, impaired or worse, down.
create view blast_radius as
select tick, any_value(t) as t,
    count(*) filter (where state <> 'ok') as degraded,
    count(*) filter (where state in ('impaired', 'down')) as impaired,
    count(*) filter (where state = 'down') as down,
    sum(case when state in ('impaired', 'down') then error_ratio else 0 end) * sample_s() / 60 as lost_min
from impairment join services using (service)
where visible
group by tick;
