-- reads: states, impact, unreachable
-- Lanes to draw: spans of time (ticks) in which a service keeps one level, by means over minutes. Level 0 is well,
-- 1 degraded, 2 unreachable (well itself), 3 slow but not failing, 4 impaired, 5 and 6 worse, 7 down. A latency of
-- 3 × undisturbed counts as worse than an error ratio that is only degraded. Lanes are numbered by first impact;
-- services that were never impaired or unreachable come last. worst: the worst level of the service.
create view lanes as
with minutes as (
    select service, min(tick) - sample_s() / tick_s() as begins, max(tick) as ends,
        avg(error_ratio) as error_ratio, avg(latency_ratio) as latency_ratio, avg(unreached_ratio) as unreached_ratio
    from states group by service, floor((tick - 1) * tick_s() / 60)
), levelled as (
    select *,
        case when error_ratio >= down_ratio() then 7
             when error_ratio >= 2 / 3 then 6
             when error_ratio >= 1 / 3 then 5
             when error_ratio >= impaired_ratio() then 4
             when latency_ratio >= slow_ratio() then 3
             when unreached_ratio >= impaired_ratio() then 2
             when error_ratio >= degraded_ratio() then 1
             else 0 end as level
    from minutes
), marked as (
    select *, level is distinct from lag(level) over (partition by service order by begins) as is_new from levelled
), counted as (
    select *, sum(is_new::int) over (partition by service order by begins) as span_no from marked
), spans as (
    select service, level, min(begins) as begins, max(ends) as ends,
        sum(error_ratio * (ends - begins)) / sum(ends - begins) as error_ratio,
        sum(unreached_ratio * (ends - begins)) / sum(ends - begins) as unreached_ratio
    from counted group by service, level, span_no
)
select dense_rank() over (order by least(i.onset_tick, u.begin_tick) nulls last, s.service::varchar) as lane,
    s.service::varchar as service, level, begins::bigint as begins, ends::bigint as ends, error_ratio, unreached_ratio,
    max(level) over (partition by s.service) as worst
from spans s left join impact i using (service) left join unreachable u using (service)
order by lane, begins;
