-- reads: stretches, blast_radius, services
-- One line for the whole run: service-minutes lost, services impaired at the peak, when the last one recovered.
create view totals as
with radius as (
    select coalesce(sum(lost_min), 0) as service_minutes_lost, coalesce(max(impaired), 0) as peak_impaired from blast_radius
), impaired as (
    select count(distinct service) as services_impaired, max(recovery_tick)::bigint as last_recovery_tick,
        count(*) filter (recovery_tick is null) as not_recovered
    from stretches join services using (service) where visible
)
select service_minutes_lost, peak_impaired, services_impaired, last_recovery_tick, not_recovered from radius, impaired;
