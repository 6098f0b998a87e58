"""What clients do unless told otherwise: the numbers of a dependency with ``sdk: NAME``.

Values are written as in files. ``aws-…`` is botocore 1.44.5, whose legacy mode waits a random share of 1, 2,
4 … seconds. A throttled call of the standard mode waits longer (a base of 1 s); that is left out. ``grpc`` is
the retry policy in the design of gRPC's retries; a call has no deadline unless it is given one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Sdk = Literal[
    "aws-standard",
    "aws-standard-dynamodb",
    "aws-legacy",
    "aws-legacy-dynamodb",
    "aws-adaptive",
    "grpc",
    "none",
]


@dataclass(frozen=True)
class SdkDefaults:
    """``numbers``: number of a dependency → value, as in a file. ``source``: id in data/sources.yaml; '' if
    the name itself says the numbers."""

    about: str
    source: str
    numbers: Mapping[str, str | int] = field(default_factory=dict)


def _aws(about: str, mode: str, retries: int, backoff_s: str, jitter: str = "full") -> SdkDefaults:
    waits = {"backoff_s": backoff_s, "backoff_cap_s": "20s", "jitter": jitter}
    return SdkDefaults(about, "SDK", {"timeout_s": "60s", "retries": retries, **waits, "retry_mode": mode})


SDK_DEFAULTS: Mapping[str, SdkDefaults] = {
    "aws-standard": _aws("an AWS SDK in its standard mode", "standard", 2, "50ms"),
    "aws-standard-dynamodb": _aws("the same, for calls to DynamoDB", "standard", 3, "25ms"),
    "aws-legacy": _aws("boto3 unless configured: the legacy mode", "legacy", 4, "1s"),
    "aws-legacy-dynamodb": _aws("the same, for calls to DynamoDB", "legacy", 9, "50ms", "none"),
    "aws-adaptive": _aws("an AWS SDK in its adaptive mode", "adaptive", 2, "50ms"),
    "grpc": SdkDefaults(
        "gRPC with a retry policy and without a deadline",
        "GRPC",
        {"timeout_s": "24h", "retries": 3, "backoff_s": "100ms", "backoff_cap_s": "1s", "jitter": "full"},
    ),
    "none": SdkDefaults("one attempt, as with a plain HTTP client", "", {"retries": 0}),
}
assert tuple(SDK_DEFAULTS) == get_args(Sdk)
