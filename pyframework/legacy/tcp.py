"""TCPClient, TCPServer and HTTPServer with io_loop, TCPClient.connect with callback."""

from pyframework import netutil, tcpserver
from pyframework.httpserver import HTTPServer
from pyframework.legacy._arguments import ignoring_loop, keeping_loop, on_kept_loop, replace
from pyframework.legacy._delivery import delivering, starting
from pyframework.tcpclient import TCPClient
from pyframework.tcpserver import TCPServer

_CONNECT = "host port af ssl_options max_buffer_size source_ip source_port timeout [callback]"
_HTTP = (
    "request_callback no_keep_alive [io_loop] xheaders ssl_options protocol decompress_request chunk_size "
    "max_header_size idle_connection_timeout body_timeout max_body_size max_buffer_size trusted_downstream"
)


def install() -> None:
    replace(TCPClient, "__init__", "resolver [io_loop]", ignoring_loop("TCPClient"))
    starting(TCPClient, "connect")
    replace(TCPClient, "connect", _CONNECT, delivering("TCPClient.connect"))
    server = keeping_loop("TCPServer")
    replace(TCPServer, "__init__", "[io_loop] ssl_options max_buffer_size read_chunk_size", server)
    TCPServer.add_sockets = on_kept_loop(TCPServer.add_sockets)  # type: ignore[method-assign]
    replace(HTTPServer, "initialize", _HTTP, keeping_loop("HTTPServer"))
    tcpserver.add_accept_handler = netutil.add_accept_handler  # type: ignore[attr-defined]
