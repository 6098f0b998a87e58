-- reads: impairment, reachability
-- The words for impairment, and one more. Unreachable: the service itself is well, but calls fail before they reach it.
-- Such calls count as lost at their callers, and not here: so episodes and the blast radius do not use this word.
create view states as
select tick, t, service, error_ratio, latency_ratio, coalesce(unreached_ratio, 0) as unreached_ratio,
    case when unreached_ratio >= impaired_ratio() then greatest(state, 'unreachable'::state) else state end as state
from impairment left join reachability using (tick, service);
