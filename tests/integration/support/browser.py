"""Headless Chromium for the try-it page."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By

from support.gateway import ROOT
from support.waiting import eventually

ARTIFACTS = Path(os.environ.get("PUSHWIRE_ARTIFACTS", ROOT / "build/artifacts"))
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,1000"]


@contextlib.contextmanager
def chromium():
    """A driver with an empty profile; the browser ends with the context."""
    program, driver_program = shutil.which("chromium"), shutil.which("chromedriver")
    assert program and driver_program, "chromium and chromedriver have to be installed"
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in [*FLAGS, f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_program))
        try:
            driver.set_page_load_timeout(20)
            yield driver
        finally:
            driver.quit()


class Page:
    """The page by its data-testid names."""

    def __init__(self, driver, url):
        self.driver = driver
        driver.get(url)

    def all(self, name, within=None):
        return (within or self.driver).find_elements(By.CSS_SELECTOR, f'[data-testid="{name}"]')

    def one(self, name, within=None):
        (found,) = self.all(name, within)
        return found

    def fill(self, name, text, within=None):
        field = self.one(name, within)
        field.clear()
        field.send_keys(text)

    def click(self, name, within=None):
        """A click as a script makes it: it needs no scrolling into view."""
        self.driver.execute_script("arguments[0].click()", self.one(name, within))

    def card(self, device):
        """The newest card of this device."""
        return self.driver.find_elements(By.CSS_SELECTOR, f'[data-testid="device-card"][data-device="{device}"]')[-1]

    def connect(self, user, device, topics=""):
        for name, text in (("user", user), ("device", device), ("topics", topics)):
            self.fill(name, text)
        self.click("connect")
        self.wait_for_state(device, "connected")

    def wait_for_state(self, device, state):
        eventually(lambda: self.card(device).get_attribute("data-state") == state, f"{device} is {state}", 10)

    def messages(self, device):
        """What the device shows, newest first."""
        return [element.text for element in self.all("message-data", self.card(device))]

    def color_scheme(self, scheme):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                    {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def size(self, width, height, *, mobile=False):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile})

    def screenshot(self, name):
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTIFACTS / f"try-it-{name}.png"
        assert self.driver.save_screenshot(str(path)) and path.stat().st_size > 10_000, path

    def errors(self):
        """What the browser complained about since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
