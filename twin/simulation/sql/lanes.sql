-- reads: signals, samples, undisturbed, reachability, stretches, unreachable
-- Lanes to draw: spans of time (ticks) in which a service keeps one level, by means over minutes. Level 0 is well,
-- 1 degraded, 2 unreachable (well itself), 3 slow but not failing, 4 impaired, 5 and 6 worse, 7 down. A latency of
-- 3 × undisturbed counts as worse than an error ratio that is only degraded. Lanes are numbered by first impact;
-- services that were never impaired or unreachable come last. worst: the worst level of the service.
create view lanes as
with minutes as (  -- or samples, where these are longer than a minute
    select floor((tick - 1) * tick_s() / greatest(60, sample_s()))::int as minute, service,
        sum(error_ratio) as error_sum, sum(latency_ratio) as latency_sum, count(*)::int as samples
    from signals group by minute, service
), unreached as (
    select floor((tick - 1) * tick_s() / greatest(60, sample_s()))::int as minute, service, sum(unreached_ratio) as unreached_sum
    from reachability group by minute, service
), levelled as (
    select minute, service, error_sum, coalesce(unreached_sum, 0) as unreached_sum, samples,
        case when error_sum / samples >= down_ratio() then 7::tinyint
             when error_sum / samples >= 2 / 3 then 6::tinyint
             when error_sum / samples >= 1 / 3 then 5::tinyint
             when error_sum / samples >= impaired_ratio() then 4::tinyint
             when latency_sum / samples >= slow_ratio() then 3::tinyint
             when unreached_sum / samples >= impaired_ratio() then 2::tinyint
             when error_sum / samples >= degraded_ratio() then 1::tinyint
             else 0::tinyint end as level
    from minutes left join unreached using (minute, service)
), counted as (  -- minutes that follow each other on one level have one difference
    select *, minute - row_number() over (partition by service, level order by minute) as span_no from levelled
), spans as (
    select service, level, min(minute) as first, max(minute) as last, sum(error_sum) / sum(samples) as error_ratio,
        sum(unreached_sum) / sum(samples) as unreached_ratio
    from counted group by service, level, span_no
), moments as (
    select floor((tick - 1) * tick_s() / greatest(60, sample_s()))::int as minute,
        (min(tick) - sample_s() / tick_s())::bigint as begins, max(tick)::bigint as ends
    from samples where service = (select service from undisturbed limit 1) group by minute  -- all have the same
), onsets as (
    select service, min(onset_tick) as onset_tick from stretches group by service
)
select dense_rank() over (order by least(i.onset_tick, u.begin_tick) nulls last, s.service::varchar) as lane,
    s.service::varchar as service, level::int as level, f.begins, l.ends, error_ratio, unreached_ratio,
    max(level::int) over (partition by s.service) as worst
from spans s join moments f on f.minute = s.first join moments l on l.minute = s.last
    left join onsets i using (service) left join unreachable u using (service)
order by lane, begins;
