"""The conformance driver of the Python client: commands in, answers out, in JSON lines.

conformance/run [sync|asyncio]
"""

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

import with_asyncio
import with_threads
from answers import error_of

Json = dict[str, Any]


class Faults:
    """What nobody has asked for: it ends the driver with another exit code."""

    def __init__(self) -> None:
        self.seen = 0
        sys.unraisablehook = self._seen
        threading.excepthook = self._seen

    def loop(self, loop: asyncio.AbstractEventLoop, context: Json) -> None:
        self._seen(context)

    def _seen(self, what: object) -> None:
        self.seen += 1
        print(f"driver: {what}", file=sys.stderr, flush=True)


def say(answer: Json) -> None:
    print(json.dumps(answer), flush=True)


def ready(api: str, capabilities: list[str]) -> None:
    say({"ready": True, "language": "python", "api": api, "capabilities": capabilities})


def find(commands: object, op: str) -> Callable[[Json], Any] | None:
    found: Callable[[Json], Any] | None = getattr(commands, "do_" + op, None)
    return found


def unknown(op: str) -> Json:
    return {"ok": False, "error": {"kind": "unknown_op", "code": "", "field": "", "reason": op}}


def threads() -> None:
    commands = with_threads.Commands()
    ready("sync", ["fork"])
    for line in sys.stdin:
        command = json.loads(line)
        do = find(commands, command["op"])
        try:
            answer = {"ok": True, **do(command)} if do else unknown(command["op"])
        except Exception as error:
            answer = {"ok": False, "error": error_of(error)}
        say({"id": command["id"], **answer})


async def tasks(faults: Faults) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(faults.loop)
    commands = with_asyncio.Commands()
    ready("asyncio", [])
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        do = find(commands, command["op"])
        try:
            answer = {"ok": True, **await do(command)} if do else unknown(command["op"])
        except Exception as error:
            answer = {"ok": False, "error": error_of(error)}
        say({"id": command["id"], **answer})


def main() -> None:
    faults = Faults()
    api = sys.argv[1] if len(sys.argv) > 1 else "sync"
    if api == "sync":
        threads()
    elif api == "asyncio":
        asyncio.run(tasks(faults))
    else:
        sys.exit(f"driver: no such API: {api}")
    sys.stdout.flush()
    if faults.seen:
        sys.exit(1)


if __name__ == "__main__":
    main()
