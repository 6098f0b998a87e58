-- reads: stretches, impairment
-- Onset and recovery of each episode of impairment, as the run itself noted them: an episode counts after hold_s() of
-- impairment, and ends when the service has been below the level for recovered_s(). One that reaches the end of the run
-- has no recovery.
create view episodes as
with spans as (
    select service, onset_tick, min(recovery_tick) as recovery_tick,
        coalesce(min(recovery_tick) + sample_s() / tick_s(), 2147483647)::int as before_tick
    from stretches group by service, onset_tick
), troubled as (
    select s.service, s.onset_tick, s.recovery_tick, i.error_ratio, (i.state >= 'impaired'::state)::int as impaired
    from spans s join impairment i on i.service = s.service and i.tick > s.onset_tick and i.tick < s.before_tick
)
select service, row_number() over (partition by service order by onset_tick) as episode,
    onset_tick::bigint as onset_tick, min(recovery_tick)::bigint as recovery_tick, max(error_ratio) as peak_error_ratio,
    sum(impaired) * sample_s() / 60 as impaired_min,
    sum(error_ratio * impaired) * sample_s() / 60 as lost_min
from troubled group by service, onset_tick;
