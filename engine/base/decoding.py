"""What decoding raises on bytes that are not what was expected, from a client or from a damaged disk.

msgspec checks UTF-8 only in texts that it keeps, and nesting only against the interpreter's stack; neither
has an error class of its own.
"""

import msgspec

from engine.base.seals import SealBroken

NOT_DECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, SealBroken)
