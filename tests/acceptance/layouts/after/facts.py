"""The events, renamed and in new versions."""

from engine import ApplicationMessage, Event


class Opened(Event, name="note.created", version=3):
    headline: str
    words: int


class Renamed(Event, name="note.title-changed"):
    title: str


class Told(ApplicationMessage, name="note.told", version=2):
    text: str
