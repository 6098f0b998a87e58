-- reads: blast_radius, episodes, outlived, lost_requests, services
-- The metrics of a run, as (service, metric, value): of each service that was impaired, and, with service '', of the
-- whole run, which counts only services that customers see. Moments are in s from the start. A recovery that never
-- comes is infinite. What never begins has no row. twin/results/metrics.py has the title, unit and direction of each.
create view metrics as
with e as materialized (select * from episodes), impaired as materialized (
    select service, any_value(visible) as visible, min(onset_tick) * tick_s() as onset_s,
        max(coalesce(recovery_tick * tick_s(), 'infinity'::double)) as recovery_s,
        sum(impaired_min) as impaired_min, sum(lost_min) as lost_min, max(peak_error_ratio) as peak_error_ratio
    from e join services using (service) group by service
), whole as (
    select count(*) as services_impaired, count(*) filter (where isinf(recovery_s)) as not_recovered,
        min(onset_s) as first_onset_s, max(recovery_s) as last_recovery_s
    from impaired where visible
), radius as (
    select coalesce(sum(lost_min), 0) as service_minutes_lost, coalesce(max(impaired), 0) as peak_impaired from blast_radius
)
select '' as service, metric, value from (
    unpivot (
        select service_minutes_lost::double as service_minutes_lost, peak_impaired::double as peak_impaired,
            services_impaired::double as services_impaired, not_recovered::double as not_recovered,
            first_onset_s::double as first_onset_s, last_recovery_s::double as last_recovery_s,
            (select coalesce(sum(lost_count), 0) from lost_requests)::double as requests_lost,
            (select count(*) > 0 from outlived join services using (service)
             where visible and outlived_s >= metastable_s())::double as metastable
        from whole, radius
    ) on columns(*) into name metric value value
)
union all
select service, metric, value from (
    unpivot (select service, onset_s::double as onset_s, recovery_s, impaired_min, lost_min, peak_error_ratio from impaired)
    on onset_s, recovery_s, impaired_min, lost_min, peak_error_ratio into name metric value value
);
