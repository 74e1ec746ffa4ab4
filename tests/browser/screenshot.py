"""Pictures of the demo for the README, docs/images/demo-*.png: `python -m tests.browser.screenshot`, for a minute.

Debian's fonts-inter and fonts-jetbrains-mono make them look as they should.
"""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

from playwright.sync_api import Browser, Page

from tests.browser.chromium import DESKTOP, PHONE, ROOT, running_browser, running_demo

IMAGES = ROOT / "docs" / "images"
# How many clients ask at a time, second by second; twice that is longer than the chart reaches back.
CLIENTS = [1, 1, 2, 2, 3, 4, 4, 3, 3, 2, 2, 3, 5, 8, 8, 8, 6, 6, 5, 3, 3, 2, 2, 2, 3, 3, 4, 6, 6, 5, 5, 3, 3, 2, 2, 4]
REQUEST = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def ask(port: int, seconds: float) -> None:
    """Ask as one client, one request after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        writer.write(REQUEST)
        await reader.readuntil(b"world\n")
    writer.close()
    await writer.wait_closed()


async def load(port: int) -> None:
    for clients in CLIENTS * 2:
        await asyncio.gather(*(ask(port, 1) for _ in range(clients)))


def shoot(page: Page, name: str) -> None:
    path = IMAGES / f"demo-{name}.png"
    page.screenshot(path=path)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB")


def converse(browser: Browser, demo: str, scheme: str) -> Page:
    """Return a phone's page of the chat, with something said."""
    pages = []
    for name in ("Ada", "Grace"):
        page = browser.new_context(viewport=PHONE, device_scale_factor=2, color_scheme=scheme).new_page()
        page.goto(f"{demo}/signin")
        page.get_by_label("Name").fill(name)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Chat").click()
        page.locator(".open").wait_for()
        pages.append(page)
    texts = ["Is anybody here?", "Yes, and it took one frame.", "For both of us?"]
    for i, text in enumerate(texts):
        pages[i % 2].locator("#text").fill(text)
        pages[i % 2].get_by_role("button", name="Send").click()
        for page in pages:
            page.locator("#log .text").nth(i).wait_for()
    pages[0].get_by_role("heading").click()  # neither the field nor the button looks used
    return pages[0]


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with running_demo() as demo, running_browser() as browser, ThreadPoolExecutor(1) as thread:
        loading: Future[None] = thread.submit(lambda: asyncio.run(load(int(demo.rpartition(":")[2]))))
        page = browser.new_context(viewport=DESKTOP).new_page()
        page.goto(demo)
        page.wait_for_function("document.querySelectorAll('#chart .curve').length", timeout=5000)
        shoot(converse(browser, demo, "dark"), "phone")
        page.wait_for_timeout(62_000)
        shoot(page, "desktop")
        loading.result()


if __name__ == "__main__":
    main()
