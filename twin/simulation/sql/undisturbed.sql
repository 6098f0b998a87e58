-- reads: samples
-- Every service before trouble: its longest latency in the first quiet_s(), and its capacity in the first interval.
create view undisturbed as
select service, max(latency_s) as latency_s, arg_min(capacity_per_s, tick) as capacity_per_s
from samples
where tick <= (select greatest(min(tick), max(tick) filter (tick * tick_s() <= quiet_s())) from samples)
group by service;
