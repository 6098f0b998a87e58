-- reads: blast_radius
-- The blast radius as a curve: the most services impaired at once in each five minutes.
create view curve as
select floor((tick - 1) * tick_s() / 300)::bigint as bin, max(impaired)::bigint as impaired
from blast_radius group by bin;
