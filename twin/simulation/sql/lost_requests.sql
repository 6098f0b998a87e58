-- reads: samples, dependencies
-- What customers asked for, and what of it failed: calls of those services that nobody in the topology calls. The zones
-- of a service are that service, so a call from the whole to its zone is none.
create view lost_requests as
with calls as (
    select split_part(caller, '@', 1) as caller, split_part(callee, '@', 1) as callee from dependencies
), others as (select * from calls where caller <> callee)
select service, sum(offered_per_s) * sample_s() as sent_count, sum(offered_per_s * error_ratio) * sample_s() as lost_count
from samples
where service in (select caller from others except select callee from others)
group by service;
