"""The doorbell: what the output process publishes for each stored record.

    message   partition u16 | first position u64 | last position u64 | record     big-endian
"""

import struct

DOORBELL = struct.Struct(">HQQ")
