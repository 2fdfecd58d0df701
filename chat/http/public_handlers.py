"""What is the same for everybody and needs no setting: the page and the API document."""

from chat.http.call import Call
from chat.http.page import INDEX, find_file
from chat.http.response import Response, render_json, render_web_file


async def show_page(call: Call) -> Response:
    """Answer `GET /`; the page's other files have its version in their paths."""
    return render_web_file(find_file(INDEX, "", _known_tags(call)))


async def show_web_file(call: Call) -> Response:
    """Answer `GET /web/{version}/{name}`."""
    file = find_file(call.path["name"], call.path["version"], _known_tags(call))
    return render_web_file(file)


async def describe_api(call: Call) -> Response:
    """Answer `GET /openapi.json`; it has the operators' paths if there is an operator."""
    return render_json(200, call.outside.describe_api())


async def check_life(_: Call) -> Response:
    """Answer `GET /livez`: the component runs."""
    return render_json(200, {"status": "ok"})


def _known_tags(call: Call) -> str:
    """Return the tags of the versions that the browser has already."""
    return call.headers.get("if-none-match", "")
