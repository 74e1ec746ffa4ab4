from pyframework.web import ErrorHandler


class Teapot(ErrorHandler):
    def initialize(self):
        super().initialize(418)


def test_every_request_gets_its_status(fetch):
    for method in ("GET", "POST", "DELETE"):
        assert fetch(Teapot, method=method).status == 418


def test_no_protection_stands_before_it(fetch):
    settings = {"xsrf_cookies": True, "cross_origin_protection": True}
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert fetch(Teapot, method="POST", headers=headers, **settings).status == 418
