"""Condense the actions of AWS service roles to one row per role and called service.

Usage: python data/evidence/derive_edges.py ACTIONS.csv > data/evidence/service_role_edges.csv
ACTIONS.csv has the columns policy, action ("prefix:Action") and access_level.
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable

# Prefixes of the services that the topology models.
# fmt: off
CALLEES = frozenset([
    "dynamodb", "ec2", "lambda", "sts", "iam", "sqs", "events", "cloudtrail", "cloudwatch", "logs",
    "elasticloadbalancing", "ecs", "eks", "rds", "glue", "autoscaling", "connect", "redshift",
    "organizations", "sso",
])
# fmt: on
# These roles exist to look at (or tidy up) everything, so they say nothing about dependence.
WATCHERS = (
    "Support",
    "Config",
    "TrustedAdvisor",
    "ResourceExplorer",
    "AuditManager",
    "AccessAnalyzer",
    "DevOpsGuru",
    "ApplicationInsights",
    "RecoveryReadiness",
    "SecurityLake",
)  # fmt: skip
# Start of a policy's name -> service of the topology that holds the role; longest start wins.
HOLDERS = {
    "AWSEC2FleetServiceRole": "ec2-launch",
    "AWSEC2Spot": "ec2-launch",
    "AWSElasticLoadBalancing": "nlb",
    "AWSGlueServiceRole": "glue",
    "AWSSSOServiceRole": "identity-center",
    "AWSServiceRoleForAmazonEKSNodegroup": "eks",
    "AmazonConnectServiceLinkedRole": "connect",
    "AmazonConnectSynchronization": "connect",
    "AmazonEC2ContainerServiceRole": "ecs",
    "AmazonECSComputeServiceRole": "ecs",
    "AmazonECSServiceRole": "ecs",
    "AmazonEKSForFargate": "fargate",
    "AmazonEKSServiceRole": "eks",
    "AmazonRDSServiceRole": "rds",
    "AmazonRedshiftServiceLinkedRole": "redshift-clusters",
    "AutoScalingServiceRole": "auto-scaling",
    "CloudTrailServiceRole": "cloudtrail",
    "CloudWatchEventsServiceRole": "eventbridge",
    "DynamoDBReplicationServiceRole": "dynamodb-global-tables",
}
# Shown as the example where a role may do them, since they say most about what the callee is needed for.
# fmt: off
TELLING = frozenset([
    "RunInstances", "RequestSpotInstances", "CreateFleet", "InvokeFunction", "SendMessage", "PutItem",
    "AssumeRole",
])
# fmt: on
COLUMNS = ("caller_policy", "caller_service", "callee", "write_actions", "example_action")


def holder(policy: str) -> str:
    """Service of the topology that holds the role, or "" if the topology has none."""
    starts = [start for start in HOLDERS if policy.startswith(start)]
    return HOLDERS[max(starts, key=len)] if starts else ""


def example(actions: set[str]) -> str:
    """The most telling of `actions`, else the first by name."""
    return min(actions, key=lambda action: (action.split(":")[1] not in TELLING, action))


def edges(actions: Iterable[dict[str, str]]) -> list[tuple[str, str, str, int, str]]:
    """Rows of COLUMNS, sorted, for actions of access level Write on CALLEES; watchers are left out."""
    writes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in actions:
        callee = row["action"].split(":")[0]
        watcher = any(word in row["policy"] for word in WATCHERS)
        if row["access_level"] == "Write" and callee in CALLEES and not watcher:
            writes[row["policy"], callee].add(row["action"])
    return [(p, holder(p), c, len(found), example(found)) for (p, c), found in sorted(writes.items())]


def main(path: str) -> None:
    """Write the condensed table of the file at `path` to standard output."""
    with open(path, newline="", encoding="utf-8") as file:
        table = edges(csv.DictReader(file))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(COLUMNS)
    out.writerows(table)


if __name__ == "__main__":
    main(sys.argv[1])
