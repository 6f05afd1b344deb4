"""The metrics: all there from the start, with the names and labels that dashboards were promised."""

from support import raw as wire
from support.client import connect
from support.raw import RawConnection
from support.waiting import eventually

FAMILIES = {
    "pushwire_connections": "gauge", "pushwire_users": "gauge", "pushwire_topics": "gauge",
    "pushwire_subscriptions": "gauge", "pushwire_handshakes_total": "counter", "pushwire_disconnects_total": "counter",
    "pushwire_evictions_total": "counter", "pushwire_pushes_total": "counter", "pushwire_deliveries_total": "counter",
    "pushwire_drops_total": "counter", "pushwire_push_seconds": "histogram", "pushwire_api_requests_total": "counter",
    "pushwire_outbox_bytes": "gauge", "pushwire_mailbox_bytes": "gauge", "pushwire_loop_busy_ratio": "gauge",
    "pushwire_bus_up": "gauge", "pushwire_bus_publish_total": "counter", "pushwire_bus_receive_total": "counter",
    "pushwire_bus_lag_seconds": "gauge", "pushwire_bus_gaps_total": "counter", "pushwire_bus_missed_total": "counter",
    "pushwire_build_info": "gauge", "pushwire_config_reload_success": "gauge", "process_cpu_seconds_total": "counter",
    "process_resident_memory_bytes": "gauge", "process_virtual_memory_bytes": "gauge", "process_open_fds": "gauge",
    "process_max_fds": "gauge", "process_start_time_seconds": "gauge",
}


def test_metric_families_are_all_shown_from_the_start(serve):
    answer = (gateway := serve()).api.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    types = gateway.metrics().types
    assert {name: types.get(name) for name in FAMILIES} == FAMILIES
    assert gateway.metrics().sum("pushwire_bus_up") == 1


async def test_metrics_have_the_promised_labels_and_count(serve, user):
    gateway = serve()
    async with connect(gateway, user, topics="t"):
        for to in ({"user": user}, {"users": [user]}, {"topic": "t"}, {"all": True}, {"session": "A" * 22}):
            gateway.api.push(to, data=1)
        gateway.api.push({"user": user}, data=1, id="x")
        gateway.api.push({"user": user}, data=1, id="x")
        gateway.api.user(user)
        gateway.api.get("/v1/nothing", status=404)
        metrics = eventually(lambda: (m := gateway.metrics()).sum("pushwire_deliveries_total") == 5 and m, "counted")
    for target, accepted in {"user": 2, "users": 1, "topic": 1, "all": 1, "session": 1}.items():
        assert metrics.sum("pushwire_pushes_total", target=target, result="accepted") == accepted
    assert metrics.sum("pushwire_pushes_total", target="user", result="duplicate") == 1
    assert metrics.sum("pushwire_api_requests_total", route="/v1/users/{id}", status="200") == 1
    assert metrics.sum("pushwire_api_requests_total", route="/v1/push", status="200") == 7
    assert not [labels for _, labels, _ in metrics.samples if "nothing" in labels.get("route", "")]
    labels = {"pushwire_handshakes_total": {"result"}, "pushwire_pushes_total": {"target", "result"},
              "pushwire_drops_total": {"reason"}, "pushwire_api_requests_total": {"route", "status"},
              "pushwire_outbox_bytes": {"worker"}, "pushwire_mailbox_bytes": {"worker"},
              "pushwire_loop_busy_ratio": {"worker"}, "pushwire_bus_publish_total": {"result"},
              "pushwire_build_info": {"version", "commit", "io"}, "pushwire_connections": set(),
              "pushwire_push_seconds_bucket": {"le"}, "pushwire_deliveries_total": set()}
    for name, expected in labels.items():
        assert metrics.label_names(name) == {frozenset(expected)}, name
    assert metrics.sum("pushwire_push_seconds_count") == 5, "each that was written to a socket"


async def test_disconnects_are_counted_by_close_code(serve, user):
    gateway = serve()
    async with connect(gateway, user) as client:
        await client.socket.close(1000)
    with RawConnection(gateway.client_port) as connection:
        connection.send(wire.upgrade(f"/ws?user={user}"))
        connection.welcome()
    for code in ("1000", "1006"):
        eventually(lambda code=code: gateway.metrics().sum("pushwire_disconnects_total", code=code) == 1, code)
    assert gateway.metrics().sum("pushwire_connections") == 0
