"""The demo in a real browser, at desktop and at phone width; each part does what its page says."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.browser.chromium import DESKTOP, PHONE, executable, running_browser, running_demo

pytestmark = pytest.mark.skipif(
    executable() is None, reason="there is no Chromium on this machine (Debian: apt-get install chromium)"
)
UPLINK = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 40_000_000}  # bytes a second
FORBIDDEN = "Failed to load resource: the server responded with a status of 403 (Forbidden)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    with running_demo() as address:
        yield address


class Visitor:
    """Somebody with a browser window of one size and cookies of their own."""

    def __init__(self, context: BrowserContext, demo: str) -> None:
        self.context = context
        self.demo = demo
        self.complaints: list[str] = []
        context.on("console", self.note)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def open(self, path: str) -> Page:
        page = self.context.new_page()
        page.goto(self.demo + path)
        return page


Visit = Callable[[], Visitor]


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visit(request: pytest.FixtureRequest, browser: Browser, demo: str) -> Iterator[Visit]:
    """Makes visitors; at the end nothing may be wider than their window, and their consoles are clean."""
    visitors = []

    def new() -> Visitor:
        visitors.append(Visitor(browser.new_context(viewport=request.param), demo))
        return visitors[-1]

    yield new
    for visitor in visitors:
        for page in visitor.context.pages:
            assert page.evaluate("document.documentElement.scrollWidth") == request.param["width"], page.url
        visitor.context.close()
        assert visitor.complaints == []


def test_chart_is_drawn(visit: Visit) -> None:
    page = visit().open("/")
    curve = page.locator("#chart .curve")
    expect(curve).to_have_attribute("d", re.compile(r"^M[\d.]+,[\d.]+( L[\d.]+,[\d.]+){119}$"))
    page.get_by_role("button", name="Fire 1,000 requests").click()
    expect(page.locator("#said")).to_have_text(re.compile(r"^1,000 answers in \d+\.\d\d s$"), timeout=30_000)
    page.wait_for_function("Number(document.querySelector('#total').textContent.replace(',', '')) > 1000")
    heights = {point.rpartition(",")[2] for point in (curve.get_attribute("d") or "").split(" L")}
    assert len(heights) > 1
    assert int(page.locator("#peak").inner_text().replace(",", "")) > 0


def test_two_chat(visit: Visit) -> None:
    ann, bob = [visit().open("/chat") for _ in range(2)]
    for page in (ann, bob):
        expect(page.locator("#status")).to_contain_text("one of 2 here")
    texts = [page.locator("#log .text") for page in (ann, bob)]
    before = texts[0].count()
    ann.get_by_label("Message", exact=True).fill("<b>Hello</b>")
    ann.get_by_role("button", name="Send").click()
    for said in texts:
        expect(said.nth(before)).to_have_text("<b>Hello</b>")
    bob.get_by_label("Message", exact=True).fill("Hello, too")
    bob.keyboard.press("Enter")
    for said in texts:
        expect(said.nth(before + 1)).to_have_text("Hello, too")
    expect(ann.locator("#log .own .text").last).to_have_text("<b>Hello</b>")
    bob.goto("about:blank")
    expect(ann.locator("#status")).to_contain_text("alone here")


def test_upload_shows_its_progress(visit: Visit, tmp_path: Path) -> None:
    body = os.urandom(1000) * 40_000
    (tmp_path / "film & sound.mov").write_bytes(body)
    page = visit().open("/upload")
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", UPLINK)
    seen = page.evaluate_handle(
        """() => {
            const seen = [];
            new MutationObserver(() => {
                const hint = document.querySelector(".uploads .hint").textContent;
                seen.push([document.querySelector(".uploads progress").value, hint]);
            }).observe(document.querySelector(".uploads"), {subtree: true, childList: true, attributes: true});
            return seen;
        }"""
    )
    page.locator("#files").set_input_files(tmp_path / "film & sound.mov")
    expect(page.locator(".uploads code")).to_have_text(f"sha256 {hashlib.sha256(body).hexdigest()}")
    expect(page.locator(".uploads .name")).to_have_text("film & sound.mov")
    steps = seen.json_value()
    assert any(0 < value < 1 and re.fullmatch(r"[\d.]+ MB of 40\.0 MB", hint) for value, hint in steps)
    assert steps[-1][0] == 1 and re.fullmatch(r"40\.0 MB in \d+\.\d\d s", steps[-1][1])


def test_guestbook_takes_its_own_form(visit: Visit) -> None:
    page = visit().open("/guestbook")
    page.get_by_label("Name").fill("Grace")
    page.get_by_label("Message").fill("<i>Pleasant</i> " + "w" * 200)
    page.get_by_role("button", name="Sign the guestbook").click()
    expect(page.locator(".entries li").first).to_contain_text("<i>Pleasant</i> www")
    expect(page.locator(".entries li").first).to_contain_text("Grace")


def test_guestbook_refuses_a_forged_form(visit: Visit) -> None:
    visitor = visit()
    page = visitor.open("/guestbook")
    with page.expect_navigation() as navigation:
        page.get_by_role("button", name="Try it without the token").click()
    assert navigation.value.status == 403
    expect(page.get_by_role("heading")).to_have_text("403 Forbidden")
    page.goto(f"{visitor.demo}/guestbook")
    page.get_by_label("Name").fill("Mallory")
    page.get_by_label("Message").fill("I was never here.")
    page.locator("form:has(#name) [name=_xsrf]").evaluate("field => field.value = '2|0|0|0'")
    with page.expect_navigation() as navigation:
        page.get_by_role("button", name="Sign the guestbook").click()
    assert navigation.value.status == 403
    page.goto(f"{visitor.demo}/guestbook")
    expect(page.locator(".entries")).not_to_contain_text("Mallory")
    assert [visitor.complaints.pop() for _ in range(2)] == [FORBIDDEN] * 2


def test_sign_in_and_out(visit: Visit) -> None:
    visitor = visit()
    page = visitor.open("/account")
    expect(page).to_have_url(re.compile(r"/signin\?next=%2Faccount$"))
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{visitor.demo}/account")
    expect(page.get_by_role("heading")).to_have_text("Hello, Ada Lovelace")
    page.goto(f"{visitor.demo}/chat")
    expect(page.locator("#status")).to_contain_text("You are Ada Lovelace")
    page.get_by_role("link", name="Ada Lovelace").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{visitor.demo}/signin")
    assert "user" not in {cookie["name"] for cookie in visitor.context.cookies()}
    page.goto(f"{visitor.demo}/account")
    expect(page).to_have_url(re.compile("/signin"))


def test_a_changed_cookie_is_nobody(visit: Visit) -> None:
    visitor = visit()
    page = visitor.open("/signin")
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading")).to_have_text("Hello, Ada")
    cookie = next(cookie for cookie in visitor.context.cookies() if cookie["name"] == "user")
    changed = cookie["value"].replace("QWRh", "RXZl")  # Ada, Eve
    assert changed != cookie["value"]
    visitor.context.add_cookies([{"name": "user", "value": changed, "url": visitor.demo}])
    page.goto(f"{visitor.demo}/account")
    expect(page).to_have_url(re.compile("/signin"))


def test_dark_where_it_is_wanted(visit: Visit) -> None:
    page = visit().open("/")
    grounds = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(248, 248, 246)", "rgb(16, 18, 22)"]
