-- reads: events, impairment
-- Onset and recovery of each episode of impairment, as the run itself noted them: an episode counts after hold_s() of
-- impairment, and ends when the service has been below the level for recovered_s(). One that reaches the end of the run
-- has no recovery.
create view episodes as
with spans as (
    select o.service, o.tick as onset_tick, min(r.tick) as recovery_tick
    from events o left join events r on r.service = o.service and r.event = 'recovery' and r.tick > o.tick
    where o.event = 'onset' group by o.service, o.tick
), troubled as (
    select s.service, s.onset_tick, s.recovery_tick, i.error_ratio, i.state in ('impaired', 'down') as impaired
    from spans s join impairment i on i.service = s.service and i.tick > s.onset_tick
        and (s.recovery_tick is null or i.tick - sample_s() / tick_s() < s.recovery_tick)
)
select service, row_number() over (partition by service order by onset_tick) as episode,
    onset_tick::bigint as onset_tick, recovery_tick::bigint as recovery_tick, max(error_ratio) as peak_error_ratio,
    count(*) filter (impaired) * sample_s() / 60 as impaired_min,
    sum(case when impaired then error_ratio else 0 end) * sample_s() / 60 as lost_min
from troubled group by service, onset_tick, recovery_tick;
