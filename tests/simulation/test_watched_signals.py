"""Alarms on utilisation, queue age and rates: each acts when its signal has crossed its level."""

from pathlib import Path

import twin

SCENARIO = """\
scenario: alarms
assumed: example
start: 2030-01-01T00:00:00Z
duration: 20m
services:
  users: {kind: workload, parameters: {rate_per_s: 20/s}, dependencies: [{on: web, mode: hard}]}
  web:
    kind: queueing
    parameters: {servers_count: 4, work_s: 100ms, service: exponential}
    dependencies: [{on: mail, mode: async}]
  mail: {kind: queueing, parameters: {servers_count: 6, work_s: 100ms}}
faults:
  - {id: more, at: +5m, set: {users.rate_ratio: 1.9}}
  - {id: pause, at: +10m, for: 5m, set: {mail.capacity_ratio: 0}}
actions:
  - {id: rush, when: {signal: users.offered_per_s, above: 30/s}, set: {web.error_s: 2ms}}
  - {id: good, when: {signal: web.goodput_per_s, above: 30/s}, set: {web.error_s: 3ms}}
  - {id: busy, when: {signal: web.utilisation_ratio, above: 80%, for: 1m}, set: {web.servers_count: 8}}
  - {id: idle, when: {signal: web.utilisation_ratio, below: 60%, for: 1m, from: +5m}, set: {web.error_s: 4ms}}
  - {id: old, when: {signal: mail.oldest_age_s, above: 1m}, set: {mail.error_s: 2ms}}
  - {id: never, when: {signal: mail.oldest_age_s, above: 10m}, set: {mail.error_s: 3ms}}
"""


def test_an_alarm_acts_when_its_signal_has_crossed_its_level(tmp_path: Path) -> None:
    """20 calls a second keep half of 4 servers busy, 38 keep 95 % of 4 and 48 % of 8."""
    path = tmp_path / "alarms.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    query = "select subject::varchar as name, tick from events where origin = 'input' and event = 'input'"
    when_s = {row["name"]: row["tick"] for row in twin.run(twin.load(path)).sql(query).to_pylist()}
    assert 300 <= when_s["rush"] <= 330 and 300 <= when_s["good"] <= 340
    assert 360 <= when_s["busy"] <= 480
    assert when_s["busy"] + 60 <= when_s["idle"] <= when_s["busy"] + 180
    assert 660 <= when_s["old"] <= 680, "the oldest message is a minute old a minute after the pause began"
    assert "never" not in when_s
