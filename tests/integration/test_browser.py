"""The try-it page in headless Chromium: devices connect, a push shows its text on each, displaced ones say so."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support.browser import Page, chromium
from support.waiting import eventually


@pytest.fixture(scope="module")
def driver():
    with chromium() as browser:
        yield browser


@pytest.fixture
def limited(serve):
    return serve({"session.max_connections_per_user": 3})


@pytest.fixture
def page(driver, limited):
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    opened = Page(driver, f"http://127.0.0.1:{limited.client_port}/")
    opened.errors()
    yield opened
    driver.get("about:blank")


def test_push_shows_its_text_on_both_devices(page, limited):
    page.connect("alice", "laptop", "news")
    page.connect("alice", "phone")
    page.click("target-user")
    page.fill("target", "alice")
    page.click("kind-json")
    page.fill("payload", '{"price": 1.50, "text": "grüß dich"}')
    page.click("push")
    for device in ("laptop", "phone"):
        eventually(lambda device=device: page.messages(device) == ['{"price": 1.50, "text": "grüß dich"}'], device)
    assert '"accepted":true' in eventually(lambda: page.one("answer").text, "the answer is shown")

    page.click("target-topic")
    page.fill("target", "news")
    page.click("kind-text")
    page.fill("payload", "only for subscribers")
    page.click("push")
    eventually(lambda: page.messages("laptop")[:1] == ["only for subscribers"], "the topic's text")
    assert len(page.messages("phone")) == 1

    limited.api.push({"all": True}, data="from a business system")
    for device in ("laptop", "phone"):
        eventually(lambda device=device: page.messages(device)[:1] == ['"from a business system"'], device)
    eventually(lambda: page.one("device-count").text == "2", "both are counted")
    assert not page.errors()
    page.size(1280, 1000)
    page.screenshot("desktop-light")


def test_enter_in_the_payload_pushes(page):
    page.connect("carol", "laptop")
    page.click("target-user")
    page.fill("target", "carol")
    page.click("kind-text")
    page.fill("payload", "by keyboard")
    page.one("payload").send_keys(Keys.ENTER)
    eventually(lambda: page.messages("laptop") == ["by keyboard"], "pushed by Enter")


def test_oldest_device_is_shown_displaced(page, limited):
    page.connect("alice", "oldest")
    page.click("displace")
    page.wait_for_state("oldest", "displaced")
    assert "4501" in page.one("device-reason", page.card("oldest")).text
    eventually(lambda: len(limited.api.user("alice")["sessions"]) == 3, "the limit is kept")
    assert limited.metrics().sum("pushwire_evictions_total") == 1


def test_kicked_device_says_so_and_stays_away(page, limited):
    page.connect("bob", "tablet")
    assert limited.api.kick("bob") == 1
    page.wait_for_state("tablet", "kicked")
    assert "3503" in page.one("device-reason", page.card("tablet")).text
    assert not limited.api.user("bob")["online"]


def test_topic_is_subscribed_and_left_on_the_card(page, limited):
    page.connect("dora", "watch")
    card = page.card("watch")
    page.fill("subscribe-topic", "a/b", card)
    page.click("subscribe", card)
    eventually(lambda: limited.api.get("/v1/topics/a%2Fb").json["subscribers"] == 1, "subscribed")
    eventually(lambda: page.all("unsubscribe", card), "the topic is shown")
    page.click("unsubscribe", card)
    eventually(lambda: limited.api.get("/v1/topics/a%2Fb").json["subscribers"] == 0, "left")


def test_sessions_and_counters_are_live(page):
    page.connect("alice", "laptop", "x,y")
    page.fill("sessions-user", "alice")
    eventually(lambda: "laptop" in page.one("sessions").text, "the session is listed", 10)
    eventually(lambda: "1" in page.one("counters").text, "counters are shown", 10)


def test_page_is_complete_in_itself(page, limited):
    """Nothing comes from elsewhere, no inline script is needed, and the browser has nothing to complain about."""
    eventually(lambda: "version" in page.one("node").text, "the node is shown", 10)
    sources = page.driver.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert sources
    for source in sources:
        assert source.startswith(f"http://127.0.0.1:{limited.client_port}/"), source
    assert not page.errors()


@pytest.mark.parametrize(("name", "scheme", "width", "height"), [
    ("desktop-dark", "dark", 1280, 1000), ("phone-light", "light", 390, 844), ("phone-dark", "dark", 390, 844)])
def test_page_fits_screen_and_colour_scheme(page, name, scheme, width, height):
    page.color_scheme(scheme)
    page.size(width, height, mobile=width < 600)
    page.connect("alice", "laptop", "news")
    page.fill("payload", '{"hello": "world"}')
    page.click("push")
    eventually(lambda: page.messages("laptop"), "a message is shown")
    widest = page.driver.execute_script("return document.documentElement.scrollWidth")
    assert widest <= width, "it scrolls sideways"
    background = page.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    shade = sum(int(part) for part in background[background.index("(") + 1:-1].split(",")[:3]) / 3
    assert (shade < 100) == (scheme == "dark"), background
    page.screenshot(name)


def test_interactive_elements_have_names_and_focus_order(page):
    page.connect("alice", "laptop", "news")
    nameless = [element.get_attribute("outerHTML") for element in
                page.driver.find_elements(By.CSS_SELECTOR, "button, input, textarea, a[href]")
                if element.is_displayed() and not element.accessible_name]
    assert not nameless
    page.driver.execute_script("document.activeElement.blur()")
    reached = set()
    for _ in range(40):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.add(page.driver.execute_script("return document.activeElement.dataset.testid"))
    assert {"user", "device", "topics", "connect", "displace", "target", "payload", "push"} <= reached
