"""The parts of `simple_httpclient`: connections that are kept, proxies, streamed responses, cookies."""
