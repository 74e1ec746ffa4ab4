"""Flask's hello world: `flask_app.py PORT` serves it with WSGIContainer; `flask_app:app` is for other WSGI servers."""

import sys

import flask

app = flask.Flask(__name__)


@app.get("/")
def hello():
    return "Hello, world"


if __name__ == "__main__":
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop
    from tornado.wsgi import WSGIContainer

    HTTPServer(WSGIContainer(app)).listen(int(sys.argv[1]), "127.0.0.1")
    IOLoop.current().start()
