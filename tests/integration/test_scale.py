"""2,000 connections on two workers: each of 200 pushes arrives exactly once and in order, and the counters agree."""

import asyncio
import json
import random
from collections import Counter, defaultdict

from support.swarm import Swarm
from support.waiting import eventually, eventually_async

USERS = [f"user-{n}" for n in range(1000)]
CONNECTIONS = USERS * 2
TOPICS = 20
PUSHES_OF_EACH_SENDER = 100


def topic_of(position):
    return f"topic-{position % TOPICS}"


def plan(sender):
    """The pushes of one sender: to single users, several users, topics and everyone."""
    choose = random.Random(sender)
    favourite = choose.choice(USERS)
    for n in range(PUSHES_OF_EACH_SENDER):
        kind = ("user", "topic", "users", "user", "all")[n % 5]
        to = {"user": {"user": favourite if n % 2 else choose.choice(USERS)},
              "users": {"users": [favourite, *choose.sample(USERS, 30)]},
              "topic": {"topic": topic_of(choose.randrange(TOPICS))},
              "all": {"all": True}}[kind]
        yield kind, {"to": to, "data": {"sender": sender, "n": n}}


def is_for(kind, to, user, topic):
    return {"user": to.get("user") == user, "users": user in to.get("users", ()), "topic": to.get("topic") == topic,
            "all": True}[kind]


def send(gateway, sender):
    with gateway.api.kept() as api:
        for _, push in plan(sender):
            api.push(**push)


async def test_each_of_200_pushes_reaches_its_2000_connections_once_and_in_order(serve):
    gateway = serve({"node.workers": 2})
    async with Swarm(gateway) as swarm:
        clients = await swarm.connect(CONNECTIONS, topics=topic_of)
        eventually(lambda: gateway.metrics().sum("pushwire_connections") == len(CONNECTIONS), "all are counted")

        await asyncio.gather(*(asyncio.to_thread(send, gateway, sender) for sender in range(2)))
        pushes = [(kind, push["to"], sender, push["data"]["n"]) for sender in range(2) for kind, push in plan(sender)]
        wanted = [Counter((sender, n) for kind, to, sender, n in pushes if is_for(kind, to, user, topic_of(at)))
                  for at, user in enumerate(CONNECTIONS)]
        total = sum(sum(counter.values()) for counter in wanted)
        await eventually_async(lambda: swarm.received >= total, "everything arrives", 20)

        kinds = {(sender, n): kind for kind, _, sender, n in pushes}
        for client, counter in zip(clients, wanted, strict=True):
            got = [json.loads(message)["data"] for message in client.messages]
            assert Counter((data["sender"], data["n"]) for data in got) == counter, client.user
            check_order(got, kinds)
        check_counters(gateway, pushes, total)

        for client in clients:
            client.say_goodbye(1000)
        await asyncio.wait_for(asyncio.gather(*(client.ended for client in clients)), 20)
        assert swarm.received == total, "more came after the last one"
    metrics = eventually(lambda: (m := gateway.metrics()).sum("pushwire_connections") == 0 and m, "all have left")
    assert metrics.sum("pushwire_disconnects_total", code="1000") == len(CONNECTIONS)
    for name in ("users", "topics", "subscriptions"):
        assert metrics.sum(f"pushwire_{name}") == 0, name


def check_order(got, kinds):
    """Pushes of one sender to the same user, named alone or among others, keep their order; so do those to the
    connection's topic, and those to everyone."""
    sequences = defaultdict(list)
    for data in got:
        kind = kinds[data["sender"], data["n"]]
        sequences[data["sender"], "user" if kind == "users" else kind].append(data["n"])
    for where, numbers in sequences.items():
        assert numbers == sorted(numbers), where


def check_counters(gateway, pushes, total):
    def agree():
        metrics = gateway.metrics()
        return metrics.sum("pushwire_deliveries_total") == total and metrics

    metrics = eventually(agree, "deliveries as the clients counted them")
    assert metrics.sum("pushwire_users") == len(USERS)
    assert metrics.sum("pushwire_topics") == TOPICS
    assert metrics.sum("pushwire_subscriptions") == len(CONNECTIONS)
    assert metrics.sum("pushwire_handshakes_total", result="accepted") == len(CONNECTIONS)
    assert metrics.sum("pushwire_drops_total") == 0
    for target, count in Counter(kind for kind, *_ in pushes).items():
        assert metrics.sum("pushwire_pushes_total", target=target, result="accepted") == count
    assert metrics.sum("pushwire_pushes_total") == len(pushes)
    assert metrics.sum("pushwire_push_seconds_count") == len(pushes)
