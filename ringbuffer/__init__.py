"""A ring between two processes: shared memory, one producer, one consumer, no locks on the data path.

    create(path, 16 << 20)                          # once, by the process that starts the two
    bell = Bell.create()                            # the consumer's; both inherit its descriptors

    producer = Producer(path, bell)                 # in one process
    producer.publish([b"one", b"two"], deadline_s=1.0)

    consumer = Consumer(path, bell)                 # in the other
    while consumer.wait(0.1):
        for record in consumer.take():
            ...
        consumer.release()                          # when the effects are durable

Reading order: layout (the file, byte by byte), file (making and attaching), runs (records in the data),
producer and consumer, fence (why parking is safe), bell and waiting (how it is done), mark (one number that
changes with a publish), errors.
"""

from ringbuffer.bell import Bell
from ringbuffer.consumer import Consumer, ConsumerStatistics
from ringbuffer.errors import Aborted, PeerGone, RingError, RingTimeout
from ringbuffer.file import backlog_of, create
from ringbuffer.producer import Producer, ProducerStatistics
from ringbuffer.waiting import Park, Spin, WaitStrategy, Yield

__all__ = [
    "Aborted",
    "Bell",
    "Consumer",
    "ConsumerStatistics",
    "Park",
    "PeerGone",
    "Producer",
    "ProducerStatistics",
    "RingError",
    "RingTimeout",
    "Spin",
    "WaitStrategy",
    "Yield",
    "backlog_of",
    "create",
]
