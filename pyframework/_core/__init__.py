"""The compiled modules: event loop, stream, HTTP/1 and header fields. Private: nothing here is API."""
