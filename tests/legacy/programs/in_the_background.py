# Coroutines that nobody waits for; PeriodicCallback with io_loop; sleeping while something else is done.
from tornado import gen
from tornado.ioloop import IOLoop, PeriodicCallback


@gen.coroutine
def loop(name, rounds, done):
    for n in range(rounds):
        clock = gen.sleep(0.001)
        yield gen.moment
        print(name, n)
        yield clock
    done(name)


@gen.coroutine
def main():
    print(IOLoop.initialized())
    print((yield gen.Task(spawn, loop, "one", 3)))
    beats = []
    enough = yield gen.Callback("enough")

    def beat():
        beats.append(len(beats))
        if len(beats) == 3:
            periodic.stop()
            enough(beats)

    periodic = PeriodicCallback(beat, 1, io_loop=IOLoop.current())
    periodic.start()
    print((yield gen.Wait("enough")))


def spawn(function, name, rounds, callback):
    IOLoop.current().spawn_callback(function, name, rounds, callback)


IOLoop.current().run_sync(main)
