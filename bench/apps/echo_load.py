"""The load for the echo servers: PORT CONNECTIONS SECONDS [CERTIFICATE]. Prints the echoes a second.

Each connection sends a line of 64 bytes, waits for it to come back, and sends the next. With a certificate in TLS.
"""

import select
import socket
import ssl
import sys
import time

LINE = b"x" * 63 + b"\n"


def connect(port, context):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection if context is None else context.wrap_socket(connection, server_hostname="localhost")


def main(port, count, seconds, certificate=None):
    context = None if certificate is None else ssl.create_default_context(cafile=certificate)
    connections = {}
    poll = select.epoll()
    for _ in range(count):
        connection = connect(port, context)
        connections[connection.fileno()] = connection.recv, connection.send
        poll.register(connection, select.EPOLLIN)
        connection.send(LINE)
    warm = time.perf_counter() + seconds / 4
    end = warm + seconds
    echoes = 0
    start = now = time.perf_counter()
    while now < end:
        for fd, _ in poll.poll(5):
            receive, send = connections[fd]
            line = receive(65536)
            while len(line) < len(LINE):
                more = receive(65536)
                if not more:
                    sys.exit("the server closed a connection")
                line += more
            if line != LINE:
                sys.exit(f"{line!r} came back")
            send(LINE)
            echoes += 1
        before, now = now, time.perf_counter()
        if before < warm <= now:
            start, echoes = now, 0
    print(echoes / (now - start))


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:4]), *sys.argv[4:])
