"""Several nodes of one cluster as processes, and the bus server between them."""

from support.bus_server import BusServer
from support.gateway import DEV

NAMES = ("n1", "n2", "n3")


class Cluster:
    """`start` is the fixture serve_module: it ends what it has started. Requires: stop() in the end."""

    def __init__(self, bus, start, folder, settings=None):
        self.bus, self.settings = bus, settings or {}
        self.server = BusServer(bus, folder)
        self._start = start
        self.nodes = {}
        try:
            for name in NAMES:
                self.start_node(name)
        except BaseException:
            self.server.stop()
            raise

    def start_node(self, name):
        """Again, if it was there before and has been killed; on other ports then."""
        self.nodes[name] = self._start({**DEV, "node.name": name, "node.workers": 1, **self.server.settings,
                                        **self.settings})
        return self.nodes[name]

    def __iter__(self):
        return iter(self.nodes.values())

    def stop(self):
        self.server.stop()

    def names_seen_by(self, name):
        """What GET /v1/nodes of this node lists."""
        return sorted(node["name"] for node in self.nodes[name].api.get("/v1/nodes").json["nodes"])

    def all_ready(self):
        return all(node.api.request("GET", "/readyz").status == 200 for node in self)

    def metric(self, metric, **labels):
        """Its value on each node, by the node's name."""
        return {name: node.metrics().sum(metric, **labels) for name, node in self.nodes.items()}
