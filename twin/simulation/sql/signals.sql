-- reads: samples, undisturbed
-- Signals of every service over each sample interval, as conditions and outcomes name them.
create view signals as
select s.tick, s.t, s.service, s.error_ratio,
    case when q.latency_s > 0 then s.latency_s / q.latency_s else 1 end as latency_ratio,
    case when s.capacity_per_s > 0 then s.backlog_count / s.capacity_per_s
         when s.backlog_count > 0 then 1e9 else 0 end as backlog_s,
    case when q.capacity_per_s > 0 then s.capacity_per_s / q.capacity_per_s else 1 end as capacity_ratio
from samples s join undisturbed q using (service);
