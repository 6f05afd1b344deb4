"""Three nodes on NATS JetStream."""

from support.bus_server import BusKind
from support.cluster_scenario import *  # noqa: F403

BUS = BusKind("nats", {"bus.nats.mode": "jetstream"})
