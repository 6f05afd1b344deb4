"""Three nodes on Redis Streams."""

from support.bus_server import BusKind
from support.cluster_scenario import *  # noqa: F403

BUS = BusKind("redis", {"bus.redis.mode": "streams"})
