"""The driver's commands with `open_destinations.aio.connect`."""

import asyncio
import contextlib
import time
from typing import Any

from answers import at_rest, counts_of, delivered_of, open_things, result_of, states_of, stats_of
from events import arguments, looped, options, span

import open_destinations as d
from open_destinations import aio

Json = dict[str, Any]
Future = asyncio.Future[aio.Receipt]


def seconds(command: Json) -> float | None:
    given = command.get("timeout_ms")
    return None if given is None else given / 1000


class Commands:
    """Each do_ method is a command; it gives the fields of its answer."""

    def __init__(self) -> None:
        self.clients: dict[str, aio.Client] = {}
        self.sent: dict[str, list[Future]] = {}
        self.kept: dict[str, list[aio.Receipt]] = {}

    async def do_open(self, c: Json) -> Json:
        target, made = options(c["options"])
        self.clients[c["client"]] = aio.connect(target, **made)
        self.sent[c["client"]] = []
        self.kept[c["client"]] = []
        return {}

    async def do_send(self, c: Json) -> Json:
        client = self.clients[c["client"]]
        facades = [client.send, type(client.send)(client.send.s3)]
        sent: list[Future] = []
        for event in c["events"]:
            with span(event):
                sent.append(facades[event.get("facade") or 0].s3(**arguments(event)))
        got = await asyncio.gather(*sent, return_exceptions=True)
        if c.get("keep"):
            self.kept[c["client"]] += [r for r in got if isinstance(r, aio.Receipt)]
        return {"results": [result_of(r) for r in got]}

    async def do_loop(self, c: Json) -> Json:
        client = self.clients[c["client"]]
        facades = [client.send, type(client.send)(client.send.s3)][: c.get("facades") or 1]
        rate, most, begun = c.get("rate") or 0, 0, time.monotonic()
        ready = c.get("ready", True)
        sent: list[Future] = []
        for i, (n, event) in enumerate(looped(c)):
            if rate and (ahead := begun + i / rate - time.monotonic()) > 0.01:
                await asyncio.sleep(ahead)
            if ready:
                with contextlib.suppress(d.DestinationsError):  # the call will say it
                    await client.ready()
            sent.append(facades[n % len(facades)].s3(**event))
            if i % 100 == 0:
                most = max(most, client.stats().buffered_bytes)
        if not c.get("wait", True):
            self.sent[c["client"]] += sent
            return {}
        if sent:
            await asyncio.wait(sent)
        if c.get("keep"):
            self.kept[c["client"]] += [f.result() for f in sent if f.exception() is None]
        counts = counts_of(f.exception() for f in sent)
        return {**counts, "seconds": time.monotonic() - begun, "max_buffered_bytes": most}

    async def do_results(self, c: Json) -> Json:
        sent = self.sent[c["client"]]
        if sent:
            await asyncio.wait(sent, timeout=seconds(c) or 0)
        self.sent[c["client"]] = pending = [f for f in sent if not f.done()]
        return {**counts_of(f.exception() for f in sent if f.done()), "pending": len(pending)}

    async def do_flush(self, c: Json) -> Json:
        await self.clients[c["client"]].flush(seconds(c))
        return {}

    async def do_stats(self, c: Json) -> Json:
        return {"stats": stats_of(self.clients[c["client"]].stats())}

    async def do_set_target(self, c: Json) -> Json:
        await self.clients[c["client"]].set_target(c["target"], seconds(c))
        return {}

    async def do_close(self, c: Json) -> Json:
        begun = time.monotonic()
        left = await self.clients[c["client"]].close(seconds(c))
        spent = time.monotonic() - begun
        return {"left": {"events": left.events, "bytes": left.bytes}, "seconds": spent}

    async def do_status(self, c: Json) -> Json:
        asked = [r.status() for r in self.kept[c["client"]][:100]]
        return states_of(await asyncio.gather(*asked, return_exceptions=True))

    async def do_delivered(self, c: Json) -> Json:
        asked = [r.delivered(seconds(c)) for r in self.kept[c["client"]][:100]]
        return delivered_of(await asyncio.gather(*asked, return_exceptions=True))

    async def do_churn(self, c: Json) -> Json:
        target, made = options(c["options"])
        places, numbers = c["destinations"], iter(range(1, c["count"]))
        errors: list[BaseException | None] = []

        async def one(n: int) -> None:
            async with aio.connect(target, **made) as client:
                event = arguments(places[n % len(places)])
                sent = client.send.s3(**event, payload={"c": c.get("name", ""), "n": n, "pad": ""})
                await asyncio.wait([sent])
                errors.append(sent.exception())

        async def some() -> None:
            for n in numbers:
                await one(n)

        await one(0)
        before = open_things(len(asyncio.all_tasks()))
        await asyncio.gather(*(some() for _ in range(c.get("parallel") or 8)))
        after = at_rest(before, lambda: len(asyncio.all_tasks()))
        return {**counts_of(errors), "before": before, "after": after}

    async def do_bench(self, c: Json) -> Json:
        client, places = self.clients[c["client"]], [arguments(p) for p in c["destinations"]]
        head, tails = c.get("head", ""), c.get("tails") or [""]
        begun, cpu = time.perf_counter(), time.process_time()
        sent: list[Future] = []
        s3 = client.send.s3
        for n in range(c["count"]):
            await client.ready()
            sent.append(s3(**places[n % len(places)], payload=f"{head}{n:010d}{tails[n % len(tails)]}"))
        for future in sent:
            with contextlib.suppress(d.DestinationsError):  # counted below
                await future
        spent = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu}
        return {**counts_of(f.exception() for f in sent), **spent}
