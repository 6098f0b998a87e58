"""The numbers of a service whose calls are stepped one by one. A kind adds those that it needs to its own."""

from __future__ import annotations

from twin.model.parameter import Param

FAILS = ("on_arrival", "after_work")

WORKER_PARAMETERS = (
    Param("workers_count", 0, "count", 0, 1_000_000,
          "workers; a request holds one from its start to its answer, through all its calls. 0 for very many",
          "assumed: workers are not the bottleneck unless given", (0, 0)),
    Param("work_s", 0.0, "s", 0.0, 86_400.0,
          "mean time of the service's own work on a request, before its calls. 0 for none of its own",
          "assumed: none unless given", (0.0, 0.0)),
)  # fmt: skip

FAULT_PARAMETERS = (
    Param("error_s", 0.001, "s", 0.0, 3600.0, "time until a refused or failed request is answered",
          "assumed: an error is quick", (0.001, 0.001)),
    Param("fails", "after_work", "choice", 0, 1,
          "when the share fault_ratio fails: after_work (after its usual time) or on_arrival (after error_s)",
          "assumed: an error comes at the end of the work", choices=FAILS),
    Param("silent_ratio", 0.0, "ratio", 0.0, 1.0, "share of requests that is taken and never answered",
          "assumed: every request is answered unless a scenario says otherwise", (0.0, 0.0)),
    Param("slow_ratio", 0.0, "ratio", 0.0, 1.0, "share of requests whose work takes slow_s instead",
          "assumed: none unless a scenario says so", (0.0, 0.0)),
    Param("slow_s", 0.0, "s", 0.0, 86_400.0, "time of the work on a slow request",
          "assumed: read only with a slow_ratio", (0.0, 0.0)),
)  # fmt: skip

SCALING_PARAMETERS = (
    Param("target_utilisation_ratio", 0.0, "ratio", 0.0, 1.0,
          "autoscaling keeps the busy share of servers near this: each evaluation wants serving times "
          "utilisation over target. 0 for no autoscaling",
          "assumed: no autoscaling unless given", (0.0, 0.0)),
    Param("evaluation_s", 30.0, "s", 0.001, 86_400.0,
          "autoscaling looks once in this time, at the mean of it",
          "assumed: half a minute", (30.0, 30.0)),
    Param("scale_out_lag_s", 120.0, "s", 0.0, 86_400.0, "time from the decision until new servers serve",
          "assumed: two minutes to start", (120.0, 120.0)),
    Param("cooldown_s", 60.0, "s", 0.0, 86_400.0, "after an action, autoscaling does nothing for this long",
          "assumed: a minute", (60.0, 60.0)),
    Param("least_servers_count", 1, "count", 1, 1_000_000, "autoscaling keeps at least these servers",
          "assumed: one", (1, 1)),
    Param("most_servers_count", 1000, "count", 1, 1_000_000, "autoscaling keeps at most these servers",
          "assumed: a thousand", (1000, 1000)),
    Param("scale_in_evaluations_count", 5, "count", 1, 1000,
          "evaluations in a row that must want fewer servers before one is removed",
          "assumed: five", (5, 5)),
)  # fmt: skip

INSTANCE_PARAMETERS = (
    Param("instances_count", 0, "count", 0, 1_000_000,
          "instances, each with servers_count servers. Before an instance serves, its call over each "
          "dependency of mode bootstrap must end well. 0 for none: all servers serve from the start",
          "assumed: no instances unless given", (0, 0)),
    Param("restart_ratio", 0.0, "ratio", 0.0, 1.0,
          "share of the instances that restarts at the moment at which this is set",
          "assumed: none unless a scenario says so", (0.0, 0.0)),
    Param("restarts_per_s", 0.0, "1/s", 0.0, 1e6, "restarts of each instance, at random; files write 2/h",
          "assumed: none unless given", (0.0, 0.0)),
)  # fmt: skip
