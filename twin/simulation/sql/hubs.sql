-- reads: services, dependencies
-- How many other services call each one: the hubs of the region are those with many callers.
create view hubs as
select s.service, count(distinct d.caller) as callers
from services s left join dependencies d on d.callee = s.service
group by s.service order by callers desc, s.service;
