-- reads: samples
-- Availability of each service in each minute: good calls over all calls that ended.
create view availability as
select service, floor((tick - 1) * tick_s() / 60)::bigint as minute, min(t) as t,
    1 - sum(error_ratio * (offered_per_s + 1e-9)) / sum(offered_per_s + 1e-9) as availability
from samples group by service, minute;
