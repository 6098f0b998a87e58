-- reads: samples, dependencies
-- Share of the calls to a service that fail before they reach it, in each sample interval in which some do. Callers need
-- its name, or a connection, from another service (reached_through). The calls of a caller that fail there are at most
-- its own failures, and at most the failures over there. Callers that need neither always reach it.
create view reachability as
with calls as (
    select caller, callee as service, reached_through, share from dependencies
    where callee in (select callee from dependencies where reached_through is not null)
), trouble as (
    select tick, service, error_ratio from samples
    where error_ratio > 0 and service in (select reached_through from calls)
)
select s.tick, c.service,
    coalesce(sum(s.offered_per_s * c.share * least(s.error_ratio, coalesce(w.error_ratio, 0)))
        / nullif(sum(s.offered_per_s * c.share), 0), 0) as unreached_ratio
from samples s join calls c on c.caller = s.service
    left join trouble w on w.service = c.reached_through and w.tick = s.tick
where s.tick in (select tick from trouble)
group by s.tick, c.service;
