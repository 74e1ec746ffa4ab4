"""The demo of `make run`: a live chart, a chat, an upload, a form and a page for those who have signed in.

    python -m examples.demo [--port=8888]
"""
