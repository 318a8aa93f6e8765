"""A workflow step: a loop and a condition. The step knows nothing of gRPC.

Usage: python step.py localhost:50051
"""

import sys
from typing import Any

from open_destinations import Send, connect

ORDERS = [{"id": n, "total": 40 * n, "items": ["tea", "Brötchen"]} for n in range(1, 11)]


def step(run: str, orders: list[dict[str, Any]], send: Send) -> None:
    """What somebody writes who automates his shop."""
    for order in orders:
        if order["total"] > 200:
            send.s3(bucket="workflows", prefix="large-orders", payload=order, id=f"{run}-{order['id']}")
    send.s3(bucket="audit", prefix="steps", payload=f"{run}: {len(orders)} orders were looked at")


def main(target: str) -> None:
    # The executor makes one client, and flushes it when a workflow ends.
    with connect(target) as client:
        step("run-1", ORDERS, client.send)
        step("run-1", ORDERS, client.send)  # runs again: the ids keep its orders from being there twice
        client.flush(timeout=30)
        print(f"accepted {client.stats().accepted}, rejected {client.stats().rejected}")
        if client.stats().rejected:
            sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
