-- reads: episodes, blast_radius
-- One line for the whole run: service-minutes lost, services impaired at the peak, when the last one recovered.
create view totals as
select (select coalesce(sum(lost_min), 0) from blast_radius) as service_minutes_lost,
    (select coalesce(max(impaired), 0) from blast_radius) as peak_impaired,
    (select count(distinct service) from episodes join services using (service) where visible) as services_impaired,
    (select max(recovery_tick) from episodes join services using (service) where visible) as last_recovery_tick,
    (select count(*) from episodes join services using (service) where visible and recovery_tick is null) as not_recovered;
