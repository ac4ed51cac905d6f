"""A process that appends to a journal until it is killed, and says on its standard output what is durable."""

import sys
from pathlib import Path

from engine.journal import Writer, recover
from tests.recovery.journal import append, batch

if __name__ == "__main__":
    folder, witness = Path(sys.argv[1]), int(sys.argv[2])
    writer = Writer(folder, recover(folder, witness), segment_bytes=64 << 10)
    while True:
        append(writer, [batch(writer.sequence + 1, 700)])
        print(writer.sequence, flush=True)
