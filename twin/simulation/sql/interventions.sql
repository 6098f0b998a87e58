-- reads: inputs
-- Faults and actions in the order in which they began (ticks); what has no end of its own keeps to the end of the run.
create view interventions as
select id, kind, any_value(title) as title, min(tick) filter (begin) as begins, max(tick) filter (not begin) as ends
from inputs group by id, kind
order by begins, id;
