"""Three nodes on RocketMQ."""

from support.bus_server import BusKind
from support.cluster_scenario import *  # noqa: F403

BUS = BusKind("rocketmq", options=("--version", "5.3.3"))
