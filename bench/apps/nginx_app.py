"""nginx as a server of files: PORT. Serves the folder BENCH_FILES at /files/ by sendfile, one process."""

import os
import sys
import tempfile
from pathlib import Path

CONFIGURATION = """
daemon off;
worker_processes 1;
master_process off;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location = / {{ default_type text/html; return 200 "Hello, world"; }}
        location /files/ {{ alias {files}/; }}
    }}
}}
"""

folder = Path(tempfile.mkdtemp(prefix="bench-nginx-"))
configuration = folder / "nginx.conf"
configuration.write_text(CONFIGURATION.format(port=int(sys.argv[1]), files=os.environ["BENCH_FILES"]))
os.execvp("nginx", ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(configuration)])
