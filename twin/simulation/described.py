"""The topology of a run as tables: what queries ask of it, and each service as it was given.

A topology may have 100,000 services. Their text stands in a Parquet table, which packs it well, and is read
only where somebody asks for the inputs of a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from twin.model.reach import way_of
from twin.model.scenario import Service, Topology
from twin.simulation.columns import numbers, words

ROWS_A_CHUNK = (
    20_000  # the text of a chunk stays far below 2 GB, which is the most that a column of Arrow holds
)
_SERVICE = TypeAdapter(Service)


def described(topology: Topology) -> dict[str, pa.Table]:
    """The tables ``services``, in the order of names, and ``dependencies``, in that of the topology."""
    services = topology.services
    listed = [services[name] for name in sorted(services)]
    return {"services": _services(listed), "dependencies": _dependencies(services)}


def _services(listed: Sequence[Service]) -> pa.Table:
    return pa.table({
        "service": words(s.name for s in listed),
        "title": words(s.title or s.name for s in listed),
        "kind": words(s.kind for s in listed),
        "visible": numbers(np.array([s.visible for s in listed], bool)),
        "domain": words(s.domain or s.name for s in listed),
    })  # fmt: skip


def _dependencies(services: Mapping[str, Service]) -> pa.Table:
    owned = [(s, d) for s in services.values() for d in s.dependencies]
    on_a_way = {name for name, s in services.items() if s.reached_through is not None}
    return pa.table({
        "caller": words(s.name for s, _ in owned),
        "callee": words(d.on for _, d in owned),
        "for": words(vars(d).get("purpose", "") for _, d in owned),
        "mode": words(d.mode for _, d in owned),
        "inherited_from": words(vars(d).get("inherited_from") for _, d in owned),
        "reached_through": words(
            way_of(s, d, services) if d.on in on_a_way or "reached_through" in vars(d) else None
            for s, d in owned
        ),
        "share": numbers(np.array([d.value("share") for _, d in owned], float)),
    })  # fmt: skip


def as_given(topology: Topology) -> pa.Table:
    """The table ``topology``: a row a service, with its text in JSON, in the order of the topology."""
    names, texts = iter(topology.services), _texts(topology.services.values())
    chunks = []
    while some := list(islice(names, ROWS_A_CHUNK)):
        text = words(one.decode() for one in islice(texts, ROWS_A_CHUNK))
        chunks.append(pa.record_batch({"service": words(some), "given": text}))
    return pa.Table.from_batches(chunks, pa.schema([("service", pa.string()), ("given", pa.string())]))


def services_given(table: pa.Table) -> dict[str, Service]:
    """The services of a table that ``as_given`` made. Raises pydantic's ValidationError."""
    names, texts = table.column("service"), table.column("given")
    return {
        name.as_py(): _SERVICE.validate_json(text.as_py()) for name, text in zip(names, texts, strict=True)
    }


def identity(services: Mapping[str, Service]) -> Iterator[bytes]:
    """The text of each service, in the order of names, and of keys: equal for equal services."""
    for text in _texts(services[name] for name in sorted(services)):
        yield json.dumps(json.loads(text), sort_keys=True).encode()


def _texts(services: Iterable[Service]) -> Iterator[bytes]:
    write = Service.__pydantic_serializer__.to_json
    return (write(service, exclude_none=True) for service in services)
