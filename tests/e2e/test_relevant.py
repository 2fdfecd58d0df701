"""Messages that are about what a prompt is about, with the real embedding model."""

import json
import pathlib

import httpx
import pytest
import xllamacpp

from host.engines.llama_cpp import DEMO_MODEL
from tests.looking import look
from tests.running import (
    Answer,
    Asked,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    run_host,
)

CHEF = "You are a helpful chef, assisting people in making delicious meals"
BREAKFAST = (
    "Of course! Some ideas for breakfast: avocado toast, which is bread with mashed avocado, lemon "
    "juice, salt and pepper; oatmeal with fruit and honey; a smoothie bowl with granola; eggs, "
    "scrambled or fried; pancakes with maple syrup."
)
PANCAKES = (
    "Fluffy pancakes: whisk 2 cups of flour, baking powder, salt and sugar; mix in 2 cups of milk "
    "and {rest}; fry a quarter of a cup of batter at a time until there are bubbles, and turn."
)
TALK = [
    ("can you give me some ideas for breakfast?", BREAKFAST),
    ("can you give me the recipe for those pancakes?", PANCAKES.format(rest="2 eggs and butter")),
    ("I am vegetarian. Can you remove the eggs?", PANCAKES.format(rest="melted butter")),
    ("I am also vegan. Can you replace the butter too?", PANCAKES.format(rest="a neutral oil")),
    ("I changed my mind. Can you give me the first recipe?", PANCAKES.format(rest="2 eggs")),
]
AVOCADO = "Can you give me the avocado one?"


@pytest.fixture(scope="module")
def cooking(demo_chat: RunningHost) -> int:
    """Begin the conversation, and add what was said."""
    begun = demo_chat.post(context=CHEF, prompt="Hello!").json()["id"]
    messages = [
        {"role": role, "content": content}
        for prompt, reply in TALK
        for role, content in (("user", prompt), ("assistant", reply))
    ]
    path = f"/conversations/{begun}/messages"
    assert demo_chat.client.post(path, content=json.dumps({"messages": messages})).is_success
    demo_chat.client.delete(f"{path}/1.0")
    demo_chat.client.delete(f"{path}/1.1")
    return int(begun)


def relevant(host: RunningHost, conversation: int, **query: str) -> httpx.Response:
    return host.client.get(f"/conversations/{conversation}/relevant", params=query)


def test_what_is_no_longer_recent_is_found_by_what_it_is_about(
    demo_chat: RunningHost, cooking: int
) -> None:
    recent = demo_chat.client.get(f"/conversations/{cooking}/messages?last=5&as_text=true").json()
    found = relevant(
        demo_chat, cooking, prompt=AVOCADO, distance_threshold="0.75", by="meaning"
    ).json()

    assert not any("avocado" in text for text in recent["messages"])
    replies = [message for message in found["messages"] if message["role"] == "assistant"]
    assert [reply["content"] for reply in replies] == [BREAKFAST]
    assert replies[0]["id"] == "2.1"
    assert 0 < replies[0]["distance"] <= 0.75
    assert replies[0]["score"] == pytest.approx(1 - replies[0]["distance"])
    distances = [message["distance"] for message in found["messages"]]
    assert distances == sorted(distances)


def test_the_parameters_mean_what_they_say(demo_chat: RunningHost, cooking: int) -> None:
    def contents(**query: str) -> list[str]:
        answer = relevant(demo_chat, cooking, prompt=AVOCADO, as_text="true", by="meaning", **query)
        return list(answer.json()["messages"])

    everything = contents(distance_threshold="2", top_k="100")

    assert sorted(everything) == sorted(text for turn in TALK for text in turn)
    assert contents(distance_threshold="2", top_k="3") == everything[:3]
    assert len(contents(distance_threshold="2")) == 5
    assert contents(distance_threshold="2", top_k="0") == []
    assert contents(distance_threshold="0") == []
    assert contents(distance_threshold="0", fall_back="true", top_k="2") == list(TALK[-1])
    users = contents(distance_threshold="2", role="user", top_k="100")
    assert sorted(users) == sorted(prompt for prompt, _ in TALK)
    assert contents(distance_threshold="2", role="tool") == []
    same = relevant(
        demo_chat, cooking, prompt=TALK[2][0], distance_threshold="0.001", by="meaning"
    ).json()
    assert [message["content"] for message in same["messages"]] == [TALK[2][0]]


def test_a_fall_back_shows_this_conversation_only(demo_chat: RunningHost, cooking: int) -> None:
    other = demo_chat.post(context=CHEF, prompt="Thank you!").json()["id"]

    found = relevant(demo_chat, other, prompt="quantum physics", fall_back="true").json()

    assert found["messages"][0]["content"] == "Thank you!"
    assert len(found["messages"]) == 2
    assert {message["distance"] for message in found["messages"]} == {None}
    assert cooking != other


def test_a_search_goes_by_words_and_meaning_or_one_of_them(
    demo_chat: RunningHost, cooking: int
) -> None:
    def contents(**query: str) -> list[str]:
        answer = relevant(demo_chat, cooking, as_text="true", **query)
        return list(answer.json()["messages"])

    breakfast = TALK[0][0]

    assert contents(prompt="scrambled oatmeal", by="words") == [BREAKFAST, TALK[1][0]]
    assert contents(prompt="food without any animals", by="words") == []
    assert contents(prompt="scrambled oatmeal", by="meaning", distance_threshold="0.01") == []
    assert contents(prompt="scrambled oatmeal", distance_threshold="0.01")[0] == BREAKFAST
    both = contents(prompt="ideas for the first meal of a day", distance_threshold="0.6")
    assert both[0] in {breakfast, BREAKFAST}
    found = relevant(demo_chat, cooking, prompt="scrambled oatmeal", by="words").json()
    assert found["messages"][0]["distance"] is None


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({}, "prompt"),
        ({"prompt": " "}, "prompt"),
        ({"prompt": "p", "distance_threshold": "2.1"}, "distance_threshold"),
        ({"prompt": "p", "distance_threshold": "-1"}, "distance_threshold"),
        ({"prompt": "p", "distance_threshold": "nan"}, "distance_threshold"),
        ({"prompt": "p", "top_k": "101"}, "top_k"),
        ({"prompt": "p", "fall_back": "yes"}, "fall_back"),
        ({"prompt": "p", "limit": "1"}, "limit"),
        ({"prompt": "p", "by": "letters"}, "by"),
    ],
)
def test_a_bad_query_is_refused_by_parameter(
    demo_chat: RunningHost, cooking: int, query: dict[str, str], param: str
) -> None:
    refused = relevant(demo_chat, cooking, **query)

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)


def test_embeddings_are_kept_with_the_conversation_and_forgotten_with_their_message(
    demo_chat: RunningHost, shared_redis: RunningRedis
) -> None:
    begun = demo_chat.post(context=CHEF, prompt="Hello!").json()["id"]
    demo_chat.post(id=begun, prompt="My name is Ada.")
    relevant(demo_chat, begun, prompt="names", distance_threshold="2")
    key = f"chat:{{anyone:{begun}}}:{begun}".encode()
    connection = look(shared_redis)

    def fields() -> list[bytes]:
        names = connection.call([b"HKEYS", key + b":embeddings"])
        return [n for n in names if isinstance(n, bytes)] if isinstance(names, list) else []

    ends = [connection.call([b"PTTL", key]), connection.call([b"PTTL", key + b":embeddings"])]
    assert isinstance(ends[0], int)
    assert isinstance(ends[1], int)
    assert abs(ends[0] - ends[1]) < 1000
    assert sorted(field.partition(b":")[2] for field in fields()) == [
        b"1.0", b"1.1", b"2.0", b"2.1",
    ]  # fmt: skip
    demo_chat.client.delete(f"/conversations/{begun}/messages/2.0")
    assert sorted(field.partition(b":")[2] for field in fields()) == [b"1.0", b"1.1"]
    demo_chat.client.delete(f"/conversations/{begun}")
    assert fields() == []
    connection.close()


# an endpoint of its own


def flags(redis: RunningRedis, origin: str, *more: str) -> list[str]:
    variables = [
        f"redis_address={redis.address}", "model_api=openai", f"model_origin={origin}",
        "model_key=sk-hidden", "embedding_model=e", *more,
    ]  # fmt: skip
    return as_flags(variables)


def embeddings(asked: Asked) -> Answer:
    """Embed a text by its first letter, the rows in another order."""
    texts = json.loads(asked.body)["input"]
    rows = [
        {"index": n, "embedding": [float(text[0] == "a"), float(text[0] != "a")]}
        for n, text in enumerate(texts)
    ]
    return Answer(json.dumps({"data": rows[::-1]}).encode())


def completion(_: Asked) -> Answer:
    choice = {"message": {"role": "assistant", "content": "apple"}}
    return Answer(json.dumps({"choices": [choice]}).encode())


def test_an_endpoint_embeds_each_message_once(
    wasm: pathlib.Path, shared_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    endpoint.answer = completion
    with run_host(tmp_path, *flags(shared_redis, endpoint.url, "embedding_path=/e")) as host:
        begun = host.post(context="c", prompt="banana").json()["id"]
        endpoint.answer = embeddings
        endpoint.asked.clear()

        found = [relevant(host, begun, prompt="a?", as_text="true").json() for _ in range(2)]

        assert [answer["messages"] for answer in found] == [["apple"], ["apple"]]
        asked = [(a.path, json.loads(a.body)) for a in endpoint.asked]
        assert asked == [
            ("/e", {"model": "e", "input": ["a?"]}),
            ("/e", {"model": "e", "input": ["banana", "apple"]}),
            ("/e", {"model": "e", "input": ["a?"]}),
        ]
        assert endpoint.asked[0].headers["authorization"] == "Bearer sk-hidden"


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        pytest.param(Answer(b"{}"), 502, "model_failed", id="no data"),
        pytest.param(Answer(b'{"data":[]}'), 502, "model_failed", id="too few"),
        pytest.param(
            Answer(b'{"data":[{"index":0,"embedding":["x"]}]}'),
            502,
            "model_failed",
            id="no numbers",
        ),
        pytest.param(Answer(b"no", 500), 502, "model_failed", id="500"),
        pytest.param(Answer(b"slow down", 429), 503, "model_unavailable", id="429"),
    ],
)
def test_an_endpoint_that_fails_keeps_nothing(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
    answer: Answer,
    status: int,
    code: str,
) -> None:
    assert wasm.exists()
    endpoint.answer = completion
    with run_host(tmp_path, *flags(shared_redis, endpoint.url)) as host:
        begun = host.post(context="c", prompt="banana").json()["id"]
        endpoint.answer = lambda _: answer

        refused = relevant(host, begun, prompt="p")

        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
        endpoint.answer = embeddings
        assert relevant(host, begun, prompt="a?").status_code == 200


def test_the_real_llama_cpp_server_embeds(
    wasm: pathlib.Path, shared_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    params = xllamacpp.CommonParams()
    params.model.path = str(DEMO_MODEL)
    params.verbosity = -1
    params.cpuparams.n_threads = 1
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(params)
    with run_host(tmp_path, *flags(shared_redis, endpoint.url)) as chat:
        endpoint.answer = completion
        begun = chat.post(context="c", prompt="My name is Ada.").json()["id"]
    with run_host(tmp_path, *flags(shared_redis, server.listening_address)) as host:
        found = relevant(host, begun, prompt="My name is Ada.", distance_threshold="2").json()

    assert found["messages"][0]["content"] == "My name is Ada."
    assert found["messages"][0]["distance"] < 0.001 < found["messages"][1]["distance"]
