"""ServerConnection: the messages of one stream of a server, one after another, from accept to close.

Owns: which message is under way, when the next one may begin, how long a peer is waited for, and the end.
Must not know: what stands in a message.
"""
import logging

from pyframework._core.http1 cimport Connection
from pyframework._core.http1_writer cimport Server, Writer
from pyframework._core.instances cimport bare_instance, has_init_of
from pyframework._core.stream cimport Stream

cdef object gen_log = logging.getLogger("tornado.general")
cdef tuple NO_ARGUMENTS = ()


cdef class ServerConnection(Server):
    """Private base of HTTP1ServerConnection: the messages of one stream, one after another."""

    def __init__(self, stream, params=None, context=None):
        self.stream = stream
        self.params = self._default_params() if params is None else params
        self.context = context

    def start_serving(self, delegate) -> None:
        """Serve this connection's requests to `delegate`, an HTTPServerConnectionDelegate."""
        self.delegate = delegate
        if self.stream._closed:
            self.stop()
            return
        self.stream.attach(self)
        self.wait_for_request()     # the stream is watched by now: no other can have an alarm
        if self.stream.unread():
            self.on_bytes()

    cdef int wait_for_request(self) except -1:
        timeout = self.quiet if self.draining else self.params.header_timeout
        self.head_timed = False
        return self.stream.allow(-1 if timeout is None else timeout)

    cdef int time_head(self) except -1:
        """The first bytes of a head have come: the others have `head_timeout`."""
        if self.head_timed:
            return 0
        self.head_timed = True
        idle, timeout = self.params.header_timeout, self.params.head_timeout
        if timeout is None:
            return 0
        return self.stream.allow(timeout if idle is None else min(timeout, idle))

    cdef int linger(self) except -1:
        """Nothing more will be said: let the peer read what was, then close (RFC 9112 section 9.6)."""
        cdef Stream stream = self.stream
        self.current = None
        if stream._closed or stream.consumer is not self:
            return 0
        self.lingering = True
        stream.end_piece()
        if stream.leaving:
            stream.home.depart()
        stream.take(stream.unread())
        stream.allow(self.params.linger_timeout)
        if stream.drained():
            stream._end_writing()
        return 0 if stream._closed else stream.resume()

    def _decline(self, delegate, bytes answer) -> None:
        """Say `answer` to a peer that will not be served, and close."""
        self.delegate = delegate
        self.stream.attach(self)
        self.stream.write(answer)
        self.linger()

    def _drain(self, double quiet) -> None:
        """Say `Connection: close` from now on; an idle peer has `quiet` seconds for a request that is on its way."""
        self.draining = True
        self.quiet = quiet
        if self.current is None and not self.lingering and self.stream.consumer is self:
            self.wait_for_request()

    cdef int on_blocked(self) except -1:
        """The peer does not read as fast as it is answered: it has to read at a minimum rate."""
        if self.params.min_data_rate <= 0 or self.lingering:
            return 0
        self.taken = self.stream._total_write_done_index - self.stream._unacknowledged()
        return self.stream.allow(self.params.data_rate_window)

    cdef int on_slow_reader(self) except -1:
        """A window is over in which not all could be sent."""
        cdef Py_ssize_t taken = self.stream._total_write_done_index - self.stream._unacknowledged()
        if taken - self.taken < self.params.min_data_rate * self.params.data_rate_window:
            gen_log.info("Timeout sending to %s", self.context)
            self.stream.close()
            return 0
        self.taken = taken
        return self.stream.allow(self.params.data_rate_window)

    cdef int on_bytes(self) except -1:
        """Serve as many messages as there are, one at a time."""
        cdef Connection connection      # held here: the last step of a message lets go of it
        if self.lingering:
            return self.stream.take(self.stream.unread())
        if self.serving:
            return 0
        self.serving = True
        try:
            while self.stream.consumer is self and not self.lingering:
                if self.current is None:
                    if self.stream.unread() == 0 or not self.stream.drained():
                        break
                    self.begin()
                connection = self.current
                if connection is None:
                    break
                connection.advance()
                if self.current is not None:
                    break
        finally:
            self.serving = False
        if self.stream.consumer is self and not self.lingering:
            self.choose_interest(self.current)
        return 0

    cdef int choose_interest(self, Writer message) except -1:
        """Whether to read on; and whether to learn that the peer has gone: not while it is owed something."""
        cdef Stream stream = self.stream
        cdef Connection connection = <Connection>message
        if connection is None:
            stream.paused = stream.deaf = not stream.drained()
            return 0
        stream.paused = connection._read_finished or connection.waiting is not None
        stream.deaf = (
            connection.waiting is not None or connection._write_finished
            or (connection._read_finished and stream.unread() > 0)
        )
        return 0

    cdef int begin(self) except -1:
        cls = self._connection_class
        cdef Connection connection
        made = bare_instance(cls, Connection, NO_ARGUMENTS) if has_init_of(cls, Connection) else None
        if made is None:
            connection = cls(self.stream, False, self.params, self.context)
        else:
            connection = <Connection>made
            connection.open(self.stream, False, self.params, self.context)
        connection.server = self
        self.current = connection
        try:
            connection.delegate = self.delegate.start_request(self, connection)
        except Exception as error:
            return connection.fail(error)
        if self.params.decompress:
            connection.delegate = connection._decompressing(connection.delegate)
        return 0

    cdef int message_over(self, Writer connection) except -1:
        if self.current is not connection:
            return 0
        self.current = None
        if self.stream.consumer is not self or self.lingering:
            return 0
        self.wait_for_request()
        if self.serving:
            return 0
        if self.stream.unread():        # these come first, and the end of a half-closed peer behind them
            self.stream.pause()
            self.stream.home.host().call_soon(self._serve)
        else:
            self.stream.resume()
        return 0

    def _serve(self):
        if self.stream.consumer is self and not self.lingering:
            self.stream.corked = True
            try:
                self.on_bytes()
            finally:
                self.stream.end_event()

    cdef int on_drained(self) except -1:
        cdef Connection connection = self.current
        if self.lingering:
            self.stream._end_writing()
        elif connection is not None:
            connection.settle()
        elif not self.serving:
            self.on_bytes()
        return 0

    cdef int on_closed(self) except -1:
        connection, self.current = self.current, None
        if connection is not None:
            (<Connection>connection).lose()
        return self.stop()

    cdef int on_time(self) except -1:
        cdef Connection connection = self.current
        if self.lingering:
            self.stream.close()
        elif not self.stream.drained():
            return self.on_slow_reader()
        elif connection is None or (connection.awaits_head() and self.stream.unread() == 0):
            self.stream.close()
        elif connection.awaits_head() or connection.timed:
            return connection.on_time()
        return 0

    cdef int stop(self) except -1:
        delegate, self.delegate = self.delegate, None
        self.current = None
        if self.closed is not None and not self.closed.done():
            self.closed.set_result(None)
        if delegate is not None:
            delegate.on_close(self)
        return 0

    async def close(self) -> None:
        """Close the connection, and wait until its delegate knows."""
        if self.delegate is None:
            return
        if self.closed is None:
            self.closed = self.stream.new_future()
        self.stream.close()
        await self.closed
