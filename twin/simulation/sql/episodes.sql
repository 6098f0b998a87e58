-- reads: impairment
-- Onset and recovery of each episode of impairment. It counts after hold_s(), and ends when the service has been below
-- the level for recovered_s(). An episode that reaches the end of the run has no recovery.
create view episodes as
with trouble as (
    select service, tick - sample_s() / tick_s() as begins, tick as ends, error_ratio,
        lag(tick) over (partition by service order by tick) as before
    from impairment where state in ('impaired', 'down')
), marked as (
    select *, sum(case when before is null or (begins - before) * tick_s() >= recovered_s() then 1 else 0 end)
        over (partition by service order by begins) as episode
    from trouble
), grouped as (
    select service, episode, min(begins) as onset_tick, max(ends) as end_tick, max(error_ratio) as peak_error_ratio,
        count(*) * sample_s() / 60 as impaired_min, sum(error_ratio) * sample_s() / 60 as lost_min
    from marked group by service, episode
)
select s.service, row_number() over (partition by s.service order by onset_tick) as episode,
    onset_tick::bigint as onset_tick,
    case when end_tick < (select max(tick) from samples) then end_tick::bigint end as recovery_tick,
    peak_error_ratio, impaired_min, lost_min
from grouped s
where impaired_min * 60 >= hold_s();
