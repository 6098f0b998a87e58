-- reads: signals
-- The words for impairment, for all services: what each was in each sample interval.
create view impairment as
select tick, t, service, error_ratio, latency_ratio,
    case when error_ratio >= down_ratio() then 'down'::state
         when error_ratio >= impaired_ratio() or latency_ratio >= slow_ratio() then 'impaired'::state
         when error_ratio >= degraded_ratio() then 'degraded'::state
         else 'ok'::state end as state
from signals;
