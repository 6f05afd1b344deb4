"""Three nodes on ZooKeeper."""

from support.bus_server import BusKind
from support.cluster_scenario import *  # noqa: F403

BUS = BusKind("zookeeper", rate=30)
