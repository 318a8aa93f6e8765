"""Loads a file of NDJSON, as fast as the service takes it and with a bounded memory.

Usage: python bulk.py localhost:50051 events.ndjson
"""

import asyncio
import sys
from collections import Counter

from open_destinations import DestinationsError, RejectedError, aio


async def load(target: str, path: str) -> Counter[str]:
    """Sends each line as it is; says how many were accepted, and what became of the rest."""
    counts: Counter[str] = Counter()

    def rejected(error: DestinationsError) -> None:
        counts[error.code if isinstance(error, RejectedError) else type(error).__name__] += 1

    # One stream keeps the lines in their order; 8 MiB is all that is held of the file.
    client = aio.connect(target, max_streams=1, max_buffered_bytes=8 << 20, on_rejected=rejected)
    async with client:
        with open(path, "rb") as lines:  # noqa: ASYNC230 - a file on this machine
            for line in lines:
                if line.strip():
                    await client.ready()  # the buffer is full: wait for the service
                    client.send.s3(bucket="workflows", prefix="bulk", payload=line.rstrip(b"\r\n"))
        await client.flush()
        counts["accepted"] = client.stats().accepted
    return counts


def main(target: str, path: str) -> None:
    counts = asyncio.run(load(target, path))
    print(", ".join(f"{what} {n}" for what, n in sorted(counts.items())))
    if set(counts) != {"accepted"}:
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:3])
