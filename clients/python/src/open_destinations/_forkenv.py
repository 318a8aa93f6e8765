"""Has gRPC be ready for forks. This comes before anything that imports grpc.

It reads the variable when it is imported, and without it a child process can't use gRPC
at all. Whoever imports grpc before this package, or has set it, has decided by himself.
"""

import os
import sys

if "grpc" not in sys.modules:
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "1")
