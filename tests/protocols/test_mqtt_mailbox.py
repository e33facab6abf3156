from __future__ import annotations

from typing import Any

from protocols.mqtt_mailbox import MOST_IN_ROW, Mailbox
from protocols.mqtt_topics import Publication


def publication(topic: str, text: str = "", **options: Any) -> Publication:
    return Publication(topic, text.encode, **options)


def waiting(mailbox: Mailbox) -> list[tuple[str, str]]:
    return [(one.topic, one.payload().decode()) for one in mailbox.take()]


def test_the_newest_of_each_topic_waits() -> None:
    mailbox = Mailbox()
    mailbox.open()
    assert all(mailbox.put(publication("a", text)) for text in "123")
    mailbox.put(publication("b", "1"))
    assert waiting(mailbox) == [("a", "3"), ("b", "1")]
    assert waiting(mailbox) == []
    assert mailbox.counters == {"replaced": 2, "dropped": 0}


def test_what_must_not_be_replaced_waits_in_a_row_and_the_row_is_bounded() -> None:
    mailbox = Mailbox()
    mailbox.open()
    taken = [mailbox.put(publication("alarm", str(number), every=True)) for number in range(MOST_IN_ROW + 5)]
    assert taken == [True] * MOST_IN_ROW + [False] * 5
    assert waiting(mailbox) == [("alarm", str(number)) for number in range(MOST_IN_ROW)]
    assert mailbox.counters["dropped"] == 5


def test_while_nobody_is_there_the_retained_are_kept_and_the_others_dropped() -> None:
    mailbox = Mailbox()
    mailbox.open()
    mailbox.put(publication("state", "1", retain=True))
    mailbox.put(publication("pose", "1"))
    mailbox.shut()
    assert waiting(mailbox) == []
    assert not mailbox.put(publication("state", "2", retain=True))
    assert not mailbox.put(publication("pose", "2"))
    assert mailbox.counters["dropped"] == 2
    mailbox.open()
    assert waiting(mailbox) == [("state", "2")]
    mailbox.open()
    assert waiting(mailbox) == [("state", "2")]  # anew at each connect
