# The spider: workers take addresses from a queue, fetch, find links, and put them into the queue.
import re
from datetime import timedelta

from tornado import gen, queues, web
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port

LINKS = {"": "a b", "a": "b c", "b": "a d", "c": "", "d": "e missing", "e": ""}


class Page(web.RequestHandler):
    def get(self, name):
        if name not in LINKS:
            raise web.HTTPError(404)
        self.write("".join('<a href="/%s">' % link for link in LINKS[name].split()))


@gen.coroutine
def links_of(url, base):
    try:
        response = yield AsyncHTTPClient().fetch(url)
    except Exception as error:
        print("failed", error)
        raise gen.Return([])
    raise gen.Return([base + link for link in re.findall('href="(.*?)"', response.body.decode())])


@gen.coroutine
def main():
    sock, port = bind_unused_port()
    server = HTTPServer(web.Application([("/(.*)", Page)], log_function=lambda handler: None))
    server.add_sockets([sock])
    base = "http://127.0.0.1:%d" % port
    queue = queues.Queue()
    seen, done = set(), set()

    @gen.coroutine
    def worker():
        while True:
            url = yield queue.get()
            try:
                if url in seen:
                    continue
                seen.add(url)
                for link in (yield links_of(url, base)):
                    yield queue.put(link)
                done.add(url)
            finally:
                queue.task_done()

    queue.put(base + "/")
    for _ in range(3):
        worker()
    yield queue.join(timeout=timedelta(seconds=30))
    print(sorted(url[len(base) :] for url in done))
    server.stop()


IOLoop.current().run_sync(main)
