"""How the URLs of sinks are read, and that what is wrong with one is said without showing it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dutiful.core.errors import BadOption
from dutiful.core.sink_url import http_target, public_sink, sink_urls, without_urls

GOOD = {
    "ops": "slack://TokenA/TokenB/TokenC/#alerts",
    "hook": "webhook+https://ops.example:8443/in?x=y",
    "team-2": "https://hooks.slack.com/services/a/b/c",
}


def test_a_mapping_and_a_text_are_read_alike() -> None:
    text = "\n".join(f"  {name}={url}" for name, url in GOOD.items())
    assert sink_urls(GOOD) == sink_urls(text) == GOOD
    assert sink_urls({}) == sink_urls("") == {}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("slack://hunter2/b?c=d", "a URL names no sink; write NAME=URL"),
        ({"Ops": "slack://hunter2"}, "'Ops' names no sink"),
        ({"o" * 41: "slack://hunter2"}, "up to 40 small letters"),
        ({3: "slack://hunter2"}, "3 names no sink"),
        ({"log": "slack://hunter2"}, "'log' is always there"),
        ("a=slack://hunter2 a=slack://x", "two sinks are called 'a'"),
        ({"a": "hunter2"}, "needs a scheme"),
        ({"a": "slack:hunter2"}, "needs a scheme"),
        ({"a": ""}, "as text, without spaces"),
        ({"a": "slack://hunter2 x"}, "as text, without spaces"),
        ({"a": "slack://hunter2\n/x"}, "as text, without spaces"),
        ({"a": ["slack://hunter2"]}, "as text, without spaces"),
        ({"a": "http://hunter2"}, r"write webhook\+http:// for signed JSON"),
        ({"a": "webhook+ftp://hunter2"}, "use a URL of http:// or https://"),
        ({"a": "webhook+https://"}, "needs a host"),
        ({"a": "webhook+https://:80/hunter2"}, "needs a host"),
        ({"a": "webhook+https://h:0/hunter2"}, "a port above 0"),
        ({"a": "webhook+https://h:hunter2/"}, "check host and port"),
        ({"a": "webhook+https://[hunter2/"}, "check host and port"),
        ({"a": "webhook+https://me:hunter2@h/"}, "leave user and password out"),
        ({"a": "webhook+https://h/#hunter2"}, "a secret is whsec_"),
        (["slack://hunter2"], "write names with URLs"),
        (7, "write names with URLs"),
    ],
)
def test_what_is_wrong_is_said_and_not_shown(value: Any, why: str) -> None:
    with pytest.raises(BadOption, match=why) as caught:
        sink_urls(value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["ftp://hunter2", "//hunter2", "http://a:b@hunter2", "http://h/#hunter2", "http://h/\xe9"],
)
def test_only_what_can_be_called_is_a_target(url: str) -> None:
    with pytest.raises(BadOption) as caught:
        http_target(url, "the signal")
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_with_advice(text: str) -> None:
    for value in (text, {"a": text}, {"a": f"webhook+{text}"}, {"a": f"webhook+http://{text}"}):
        try:
            sink_urls(value)
        except BadOption:
            pass


@given(st.text("abc/:?#@[]&=%1", max_size=20))
def test_what_follows_the_host_is_never_shown(text: str) -> None:
    assert public_sink(f"slack://hunter2{text}") == "slack://***"
    assert "hunter2" not in public_sink(f"webhook+https://h/{text}hunter2")
    assert "hunter2" not in without_urls(f"cannot call x://{text}hunter2 now")


def test_the_host_of_a_webhook_is_shown() -> None:
    assert public_sink("webhook+http://me:pw@h:1/x") == "webhook+http://h:1/***"
    assert public_sink("https://hc.example/uuid") == "https://hc.example/***"
    assert public_sink("nothing") == "***"
