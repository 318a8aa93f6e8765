"""An executor: runs a step in a span, and waits until what it has sent is in the bucket.

Usage: python trace.py localhost:50051
"""

import asyncio
import sys

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from open_destinations import DestinationsError, aio

TIMEOUT = 90.0  # s; the service writes an object a minute

trace.set_tracer_provider(TracerProvider())  # exporters are up to the executor
tracer = trace.get_tracer("executor")


async def run(target: str) -> None:
    async with aio.connect(target) as client:
        with tracer.start_as_current_span("step") as span:
            trace_id = f"{span.get_span_context().trace_id:032x}"
            sent = [
                client.send.s3(bucket="workflows", prefix="traced", payload={"n": n, "trace": trace_id})
                for n in range(100)
            ]
        receipts = await asyncio.gather(*sent)
        done = await asyncio.gather(*(receipt.delivered(TIMEOUT) for receipt in receipts))
        for key in sorted({found.key for status in done for found in status.objects}):
            print(f"trace {trace_id} is in {key}")


def main(target: str) -> None:
    try:
        asyncio.run(run(target))
    except DestinationsError as error:
        sys.exit(f"trace.py: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
