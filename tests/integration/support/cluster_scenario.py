"""What three nodes on one bus have to do, with real processes. A file test_cluster_<bus>.py takes these tests with
`from support.cluster_scenario import *` and says which bus in its constant BUS."""

import asyncio
import itertools
import random
import signal
import time
from contextlib import AsyncExitStack

import pytest

from support.client import connect
from support.cluster import NAMES, Cluster
from support.fleet import Fleet, Publisher
from support.waiting import eventually, eventually_async

USERS, DEVICES, TOPICS = 300, 3, 10
ANSWER_SECONDS = 2.0 + 0.8  # bus.publish_timeout, and a busy machine
REPLAY_AGE_SECONDS = 60  # longer than a broker needs to start again on a busy machine
GAP_AGE_SECONDS = 1  # of buses that replay nothing: what is missing is counted this and five seconds later
GONE_SECONDS = 10 + 6  # a node that is silent for ten seconds is listed no more


@pytest.fixture(scope="module")
def cluster(request, serve_module, tmp_path_factory):
    bus = request.module.BUS
    age = REPLAY_AGE_SECONDS if bus.replays else GAP_AGE_SECONDS
    settings = {"bus.max_replay_age": f"{age}s"}
    cluster = Cluster(bus, serve_module, tmp_path_factory.mktemp("cluster"), settings)
    yield cluster
    cluster.stop()


def targets(seed, fleet):
    """For ever: of twenty pushes eleven to a user, four to some users, four to a topic, one to everyone."""
    choose = random.Random(seed)
    favourites = choose.sample(fleet.users, 20)
    for kind in itertools.cycle(["user", "users", "user", "topic", "user"] * 3 + ["user", "users", "user", "topic", "all"]):
        if kind == "user":
            user = choose.choice(favourites)
            yield f"user {user}", {"user": user}
        elif kind == "users":
            yield "users", {"users": choose.sample(fleet.users, 5)}
        elif kind == "topic":
            topic = choose.choice(fleet.topics)
            yield f"topic {topic}", {"topic": topic}
        else:
            yield "all", {"all": True}


def publishers(test, cluster, fleet, *, retry):
    """One for each node's API, each with a third of the bus's rate. The test's name makes their ids its own."""
    started = [Publisher(f"{test}-{at}", cluster, name, cluster.bus.rate / 3, targets(at, fleet), retry)
               for at, name in enumerate(NAMES)]
    for publisher in started:
        publisher.start()
    return started


async def stop(started):
    for publisher in started:
        await publisher.stop()
    return [push for publisher in started for push in publisher.pushes]


async def nothing_moves(fleet, quiet=0.7):
    """Everything that was on its way has arrived."""
    seen, since = -1, 0.0

    def probe():
        nonlocal seen, since
        if fleet.received() != seen:
            seen, since = fleet.received(), time.monotonic()
        return time.monotonic() - since > quiet

    await eventually_async(probe, "the fleet receives nothing more", 20)


async def in_thread(call, *arguments, **options):
    """A call that waits, while devices go on to receive."""
    return await asyncio.to_thread(call, *arguments, **options)


def sessions_of(answer):
    return sorted((session["node"], session["device"]) for session in answer["sessions"])


async def one_device_on_each_node(stack, cluster, user, **query):
    return [await stack.enter_async_context(connect(node, user, device=f"on-{name}", **query))
            for name, node in cluster.nodes.items()]


async def test_each_node_lists_all_nodes(cluster):
    for name in NAMES:
        await eventually_async(lambda name=name: cluster.names_seen_by(name) == list(NAMES), f"{name} lists all", 8)
        answer = cluster.nodes[name].api.get("/v1/nodes").json
        assert [node["name"] for node in answer["nodes"] if node["self"]] == [name], answer
        assert all(node["version"] for node in answer["nodes"]), answer


async def test_any_node_tells_and_closes_the_sessions_of_all(cluster, user):
    everywhere = [(name, f"on-{name}") for name in NAMES]
    async with AsyncExitStack() as stack:
        first, second, third = await one_device_on_each_node(stack, cluster, user, topics="of-all")
        for name, node in cluster.nodes.items():
            answer = node.api.user(user)
            assert (sessions_of(answer), answer["complete"]) == (everywhere, True), f"asked {name}: {answer}"
            topic = node.api.get("/v1/topics/of-all").json
            assert (topic["subscribers"], topic["complete"]) == (3, True), f"asked {name}: {topic}"

        asked, stopped = cluster.nodes["n1"], cluster.nodes["n3"]
        stopped.signal(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            answer = await in_thread(asked.api.user, user)
            assert time.monotonic() - begun < 5, "a silent node must not hold the answer"
        finally:
            stopped.signal(signal.SIGCONT)
        assert (answer["complete"], answer["missing"]) == (False, ["n3"]), answer
        assert sessions_of(answer) == everywhere[:2]
        await eventually_async(lambda: asked.api.user(user)["complete"], "complete again", 8)

        assert asked.api.kick(user, second.session) == 1
        assert await second.closed() == 3503
        assert stopped.api.kick(user) == 2
        assert (await first.closed(), await third.closed()) == (3503, 3503)
        await eventually_async(lambda: not asked.api.user(user)["online"], "nobody is left")


async def test_one_id_through_two_nodes_is_delivered_once(cluster, user):
    n1, n2, n3 = cluster
    async with AsyncExitStack() as stack:
        devices = await one_device_on_each_node(stack, cluster, user)
        for answer, node in zip(({"id": "x-1", "accepted": True}, {"id": "x-1", "accepted": True, "duplicate": True}),
                                (n1, n2), strict=True):
            assert node.api.push({"user": user}, id="x-1", data=1) == answer
            for device in devices if node is n1 else ():
                assert await device.message() == {"type": "message", "id": "x-1", "data": 1}
        n3.api.push({"user": user}, status=409, id="x-1", data="other")

        await asyncio.gather(*(in_thread(push_until_accepted, node.api, user, "x-2") for node in cluster))
        for device in devices:
            assert (await device.message())["id"] == "x-2"
            await device.received_nothing_else(n1.api)


def push_until_accepted(api, user, name):
    """503 is the answer while the same id is under way elsewhere."""
    eventually(lambda: api.request("POST", "/v1/push", {"to": {"user": user}, "id": name, "data": 2}).status == 200,
               f"{name} is accepted")


async def test_devices_get_each_message_once_and_in_order_while_a_node_dies(cluster):
    async with Fleet(USERS, DEVICES, TOPICS) as fleet:
        await fleet.connect(fleet.devices, cluster)
        started = publishers("node", cluster, fleet, retry=True)
        await asyncio.sleep(1.5)

        cluster.nodes["n3"].kill()
        await eventually_async(lambda: len(fleet.lost()) == USERS, "the dead node's devices notice")
        await fleet.connect(fleet.lost(), [cluster.nodes["n1"], cluster.nodes["n2"]])
        for name in NAMES[:2]:
            await eventually_async(lambda name=name: cluster.names_seen_by(name) == ["n1", "n2"],
                                   f"{name} lists two nodes", GONE_SECONDS)
        cluster.start_node("n3")
        late = Fleet(30, 1, TOPICS)
        async with late:
            await late.connect(late.devices, [cluster.nodes["n3"]])
            for name in NAMES:
                await eventually_async(lambda name=name: cluster.names_seen_by(name) == list(NAMES),
                                       f"{name} lists three nodes again", 8)
            await asyncio.sleep(1.0)
            pushes = await stop(started)
            await nothing_moves(fleet)
            faults = fleet.faults(pushes) + late.faults(pushes)
        assert not faults, f"{len(faults)} of {len(pushes)} pushes: " + "\n".join(faults[:20])
        assert all(push.accepted for push in pushes), [push for push in pushes if not push.accepted][:5]
        assert sum(push.tries > 1 for push in pushes) > 0, "the death of a node was not noticed"
        assert len(pushes) > cluster.bus.rate * 3, f"{len(pushes)} pushes are no test"


def assert_refused_in_time(name, node):
    begun = time.monotonic()
    answer = node.api.request("POST", "/v1/push", {"to": {"user": "u0"}, "data": 1})
    took = time.monotonic() - begun
    assert answer.status == 503 and answer.headers["Retry-After"], f"{name}: {answer}"
    assert took < ANSWER_SECONDS, f"{name} took {took:.2f} s"


async def test_a_bus_that_dies_takes_nobody_with_it(cluster):
    async with Fleet(30, DEVICES, TOPICS) as fleet:
        await fleet.connect(fleet.devices, cluster)
        gaps_before = cluster.metric("pushwire_bus_gaps_total")
        missed_before = cluster.metric("pushwire_bus_missed_total")
        started = publishers("bus", cluster, fleet, retry=False)
        await asyncio.sleep(1.0)

        cluster.server.kill()
        await asyncio.gather(*(in_thread(assert_refused_in_time, *item) for item in cluster.nodes.items()))
        for name, node in cluster.nodes.items():
            await eventually_async(lambda node=node: node.api.request("GET", "/readyz").status == 503,
                                   f"{name} is not ready", 6)
        await eventually_async(lambda: set(cluster.metric("pushwire_bus_up").values()) == {0}, "pushwire_bus_up 0")
        fleet.ping()
        await eventually_async(lambda: fleet.pongs() == len(fleet.devices), "clients are still served")

        await in_thread(cluster.server.start_again)
        await eventually_async(cluster.all_ready, "all nodes are ready again", 25)
        assert set(cluster.metric("pushwire_bus_up").values()) == {1}
        back = time.monotonic()
        await asyncio.sleep(1.5)
        pushes = await stop(started)
        await nothing_moves(fleet)

        assert not fleet.lost(), "clients stay connected"
        faults = fleet.faults(pushes if cluster.bus.replays else [push for push in pushes if push.begun >= back],
                              known=pushes)
        assert not faults, f"too old: {cluster.metric('pushwire_bus_stale_total')}\n" + "\n".join(faults[:20])
        assert sum(push.accepted and push.begun >= back for push in pushes) > cluster.bus.rate, "delivery goes on"
        slowest = max(publisher.slowest for publisher in started)
        assert slowest < ANSWER_SECONDS, f"an answer took {slowest:.2f} s"
        if not cluster.bus.replays:
            await assert_gap_is_told(cluster, fleet, pushes, gaps_before, missed_before)


async def assert_gap_is_told(cluster, fleet, pushes, gaps_before, missed_before):
    """What was accepted and did not come is in the counters of the node where it did not come."""
    for name, node in cluster.nodes.items():
        assert node.metrics().sum("pushwire_bus_gaps_total") > gaps_before[name], f"{name} counts no gap"
        absent = fleet.absent_at(name, pushes)
        await eventually_async(
            lambda node=node, wanted=missed_before[name] + len(absent):
                node.metrics().sum("pushwire_bus_missed_total") >= wanted,
            f"{name} counts what it has missed: {absent}", GAP_AGE_SECONDS + 5 + 3)
