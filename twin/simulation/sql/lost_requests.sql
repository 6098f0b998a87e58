-- reads: samples, dependencies
-- What customers asked for, and what of it failed: calls of those services that nobody in the topology calls.
create view lost_requests as
select service, sum(offered_per_s) * sample_s() as sent_count, sum(offered_per_s * error_ratio) * sample_s() as lost_count
from samples
where service in (select caller from dependencies except select callee from dependencies)
group by service;
