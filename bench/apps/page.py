"""A page of 100 rows with 300 escaped values, rendered by a template engine: `page.py {tornado,jinja2} SECONDS`."""

import sys
import time
from collections.abc import Callable

ROWS = [{"id": number, "name": f"Name {number}", "text": f"the text of row {number} & more"} for number in range(100)]
TEMPLATE = """<!DOCTYPE html>
<html>
<head><title>{{ title }}</title></head>
<body>
<table>
{% for row in rows %}
<tr><td>{{ row["id"] }}</td><td>{{ row["name"] }}</td><td>{{ row["text"] }}</td></tr>
{% end %}
</table>
</body>
</html>
"""


def by_tornado() -> Callable[[], bytes]:
    from tornado.template import Template

    template = Template(TEMPLATE, name="page.txt")
    return lambda: template.generate(title="Rows", rows=ROWS)


def by_jinja2() -> Callable[[], bytes]:
    from jinja2 import Environment

    text = TEMPLATE.replace("{% end %}", "{% endfor %}")
    template = Environment(autoescape=True, keep_trailing_newline=True).from_string(text)
    return lambda: template.render(title="Rows", rows=ROWS).encode()


def answer() -> bytes:
    """The page, put together by hand."""
    head, row, foot = TEMPLATE.split("{% for row in rows %}")[0], "", "\n</table>\n</body>\n</html>\n"
    for fields in ROWS:
        cells = "".join(f"<td>{value}</td>" for value in fields.values()).replace("&", "&amp;")
        row += f"\n<tr>{cells}</tr>\n"
    return (head.replace("{{ title }}", "Rows") + row + foot).encode()


if __name__ == "__main__":
    render, seconds = {"tornado": by_tornado, "jinja2": by_jinja2}[sys.argv[1]](), float(sys.argv[2])
    if render() != answer():
        sys.exit("the page is not what it should be")
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(20):
            render()
        count += 20
    print(count / (time.perf_counter() - start))
