# A loop over a cursor whose condition has to be waited for.
from tornado import gen
from tornado.concurrent import Future, return_future
from tornado.ioloop import IOLoop


class Cursor(object):
    def __init__(self, documents):
        self.documents = list(documents)

    @property
    def fetch_next(self):
        future = Future()
        IOLoop.current().add_callback(future.set_result, bool(self.documents))
        return future

    def next_object(self):
        return self.documents.pop(0)

    @return_future
    def count(self, callback):
        IOLoop.current().add_callback(callback, len(self.documents))

    @return_future
    def fail(self, late, callback):
        if not late:
            raise ValueError("at once")
        IOLoop.current().add_callback(self.boom)

    def boom(self):
        raise ValueError("later")


@gen.coroutine
def main():
    cursor = Cursor("abc")
    print((yield cursor.count()))
    while (yield cursor.fetch_next):
        print(cursor.next_object())
    print((yield gen.Task(cursor.count)))
    for late in (False, True):
        try:
            yield cursor.fail(late)
        except ValueError as error:
            print(error)


IOLoop.current().run_sync(main)
