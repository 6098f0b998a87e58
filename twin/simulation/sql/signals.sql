-- reads: samples
-- Signals of every service over each sample interval, as conditions and outcomes name them.
create view signals as
with quiet as (
    select service, max(latency_s) as latency_s, arg_min(capacity_per_s, tick) as capacity_per_s
    from samples where tick * tick_s() <= quiet_s() or tick = (select min(tick) from samples)
    group by service
)
select s.tick, s.t, s.service, s.error_ratio,
    case when q.latency_s > 0 then s.latency_s / q.latency_s else 1 end as latency_ratio,
    case when s.capacity_per_s > 0 then s.backlog_count / s.capacity_per_s
         when s.backlog_count > 0 then 1e9 else 0 end as backlog_s,
    case when q.capacity_per_s > 0 then s.capacity_per_s / q.capacity_per_s else 1 end as capacity_ratio
from samples s join quiet q using (service);
