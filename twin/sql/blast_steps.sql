-- reads: blast_radius
-- Blast radius as stretches of time (ticks) in which no count changes.
create view blast_steps as
with changes as (
    select tick, degraded, impaired, down,
        (degraded, impaired, down) is distinct from lag((degraded, impaired, down)) over (order by tick) as is_new
    from blast_radius
), counted as (
    select *, sum(is_new::int) over (order by tick) as stretch from changes
)
select (min(tick) - sample_s() / tick_s())::bigint as begins, max(tick)::bigint as ends, degraded, impaired, down
from counted group by stretch, degraded, impaired, down
order by begins;
