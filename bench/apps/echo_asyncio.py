"""An echo of lines with asyncio.start_server: PORT LOOP [CERTIFICATE KEY]. LOOP is asyncio, uvloop or pyframework."""

import asyncio
import ssl
import sys


async def echo(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(port, *files):
    context = None
    if files:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*files)
    server = await asyncio.start_server(echo, "127.0.0.1", port, ssl=context, backlog=1024)
    loop = type(asyncio.get_running_loop())
    print(asyncio.__file__, f"{loop.__module__}.{loop.__qualname__}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    port, loop, files = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if loop == "asyncio":
        asyncio.run(main(port, *files))
    elif loop == "uvloop":
        import uvloop

        uvloop.run(main(port, *files))
    else:
        import pyframework

        pyframework.run(main(port, *files))
