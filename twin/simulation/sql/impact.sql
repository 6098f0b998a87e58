-- reads: episodes
-- One line a service that was impaired: first onset, last recovery (none if it never came back), minutes, peak.
-- Single zones, as dwfm@az1, are in episodes only: here the whole of them has its line.
create view impact as
select service, count(*) as episodes, min(onset_tick) as onset_tick,
    case when count(recovery_tick) = count(*) then max(recovery_tick) end as recovery_tick,
    sum(impaired_min) as impaired_min, sum(lost_min) as lost_min, max(peak_error_ratio) as peak_error_ratio
from episodes where service not like '%@%' group by service;
