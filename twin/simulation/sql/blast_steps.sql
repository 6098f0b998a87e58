-- reads: blast_radius
-- Blast radius to draw: the most services at once in each minute, as spans of time (ticks) in which no count changes.
create view blast_steps as
with minutes as (
    select min(tick) - sample_s() / tick_s() as begins, max(tick) as ends,
        max(degraded) as degraded, max(impaired) as impaired, max(down) as down
    from blast_radius group by floor((tick - 1) * tick_s() / 60)
), marked as (
    select *, (degraded, impaired, down) is distinct from lag((degraded, impaired, down)) over (order by begins) as is_new
    from minutes
), counted as (
    select *, sum(is_new::int) over (order by begins) as span_no from marked
)
select min(begins)::bigint as begins, max(ends)::bigint as ends, degraded, impaired, down
from counted group by span_no, degraded, impaired, down
order by begins;
