-- reads: states
-- One line a service that was well but could not be reached: from, to (ticks), minutes, and the largest share of calls
-- that failed before they reached it.
create view unreachable as
select service, (min(tick) - sample_s() / tick_s())::bigint as begin_tick, max(tick)::bigint as end_tick,
    count(*) * sample_s() / 60 as unreachable_min, max(unreached_ratio) as peak_unreached_ratio
from states where state = 'unreachable' and unreached_ratio > 0 -- this alone lets DuckDB skip what was reached
group by service
having count(*) * sample_s() >= hold_s();
