"""Reading events from any process: the whole past, live, or as a subscriber with a cursor of its own.

Reading order: stores (what is read), doorbell (what wakes a reader), tail (past and then live), log
(`EventLog`), cursor (how far a subscriber has come), copies (which of several nodes' stores is read),
subscriber (`Subscriber`), beginnings (where a worker begins), history (an aggregate as it was), plain and
changes (its state for people, and what changed), lines (entries as text), page and questions (what the reader
process of a node answers), lags (how far followers are behind), metrics (what a running node counts), causes
and trace (what led to a command, and what it led to), compatibility and replay (today's code against what is
stored).

    from engine import EventLog, Subscriber

    with EventLog("ringfold-data") as log:
        for entry in log.read():                       # everything up to now
            print(entry.position, entry.commit.events)

    with Subscriber("ringfold-data", "mailer", [ReceiptIssued]) as subscriber:
        for message in subscriber:                     # from where it stopped last time, for ever
            post(message.event, key=message.id)
            subscriber.ack()

A process that has the stores open itself, to write, lends them to its readers: `stores.lend`.
"""
