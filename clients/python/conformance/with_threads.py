"""The driver's commands with `open_destinations.connect`."""

import contextlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from answers import at_rest, counts_of, delivered_of, open_things, result_of, states_of, stats_of
from events import arguments, looped, options, span

import open_destinations as d
from open_destinations import connect

Json = dict[str, Any]
Sent = d.ReceiptFuture | d.DestinationsError  # what a call has given or raised


def seconds(command: Json) -> float | None:
    given = command.get("timeout_ms")
    return None if given is None else given / 1000


def error_after(sent: Sent) -> d.DestinationsError | None:
    return sent if isinstance(sent, d.DestinationsError) else sent.exception()


class Commands:
    """Each do_ method is a command; it gives the fields of its answer."""

    def __init__(self) -> None:
        self.clients: dict[str, d.Client] = {}
        self.sent: dict[str, list[Sent]] = {}
        self.kept: dict[str, list[d.Receipt]] = {}

    def do_open(self, c: Json) -> Json:
        target, made = options(c["options"])
        self.clients[c["client"]] = connect(target, **made)
        self.sent[c["client"]] = []
        self.kept[c["client"]] = []
        return {}

    def do_send(self, c: Json) -> Json:
        client = self.clients[c["client"]]
        facades = [client.send, type(client.send)(client.send.s3)]
        sent: list[Sent] = []
        for event in c["events"]:
            with span(event):
                sent.append(self._call(facades[event.get("facade") or 0], arguments(event)))
        got = [s if isinstance(s, d.DestinationsError) else s.exception() or s.result() for s in sent]
        if c.get("keep"):
            self.kept[c["client"]] += [r for r in got if isinstance(r, d.Receipt)]
        return {"results": [result_of(r) for r in got]}

    @staticmethod
    def _call(send: d.Send, event: Json) -> Sent:
        try:
            return send.s3(**event)
        except d.DestinationsError as error:
            return error

    def do_loop(self, c: Json) -> Json:
        client = self.clients[c["client"]]
        facades = [client.send, type(client.send)(client.send.s3)][: c.get("facades") or 1]
        rate, most, begun = c.get("rate") or 0, 0, time.monotonic()
        sent: list[Sent] = []
        for i, (n, event) in enumerate(looped(c)):
            if rate and (ahead := begun + i / rate - time.monotonic()) > 0.01:
                time.sleep(ahead)
            sent.append(self._call(facades[n % len(facades)], event))
            if i % 100 == 0:
                most = max(most, client.stats().buffered_bytes)
        if not c.get("wait", True):
            self.sent[c["client"]] += sent
            return {}
        counts = counts_of(error_after(s) for s in sent)
        if c.get("keep"):
            futures = (s for s in sent if isinstance(s, d.ReceiptFuture))
            self.kept[c["client"]] += [s.result() for s in futures if s.exception() is None]
        return {**counts, "seconds": time.monotonic() - begun, "max_buffered_bytes": most}

    def do_results(self, c: Json) -> Json:
        until = time.monotonic() + (seconds(c) or 0)
        known: list[d.DestinationsError | None] = []
        pending: list[Sent] = []
        for sent in self.sent[c["client"]]:
            if isinstance(sent, d.DestinationsError):
                known.append(sent)
                continue
            try:
                known.append(sent.exception(max(0, until - time.monotonic())))
            except d.TimeoutError:
                pending.append(sent)
        self.sent[c["client"]] = pending
        return {**counts_of(known), "pending": len(pending)}

    def do_flush(self, c: Json) -> Json:
        self.clients[c["client"]].flush(seconds(c))
        return {}

    def do_stats(self, c: Json) -> Json:
        return {"stats": stats_of(self.clients[c["client"]].stats())}

    def do_set_target(self, c: Json) -> Json:
        self.clients[c["client"]].set_target(c["target"], seconds(c))
        return {}

    def do_close(self, c: Json) -> Json:
        begun = time.monotonic()
        left = self.clients[c["client"]].close(seconds(c))
        spent = time.monotonic() - begun
        return {"left": {"events": left.events, "bytes": left.bytes}, "seconds": spent}

    def do_status(self, c: Json) -> Json:
        return states_of(_try(r.status) for r in self.kept[c["client"]][:100])

    def do_delivered(self, c: Json) -> Json:
        until = time.monotonic() + (seconds(c) or 3600)
        kept = self.kept[c["client"]][:100]
        if not kept:
            return delivered_of([])
        with ThreadPoolExecutor(len(kept)) as pool:

            def wait(receipt: d.Receipt) -> object:
                return _try(lambda: receipt.delivered(max(0, until - time.monotonic())))

            return delivered_of(list(pool.map(wait, kept)))

    def do_churn(self, c: Json) -> Json:
        target, made = options(c["options"])
        places = c["destinations"]

        def one(n: int) -> d.DestinationsError | None:
            with connect(target, **made) as client:
                event = arguments(places[n % len(places)])
                event["payload"] = {"c": c.get("name", ""), "n": n, "pad": ""}
                return error_after(self._call(client.send, event))

        errors = [one(0)]
        before = open_things()
        with ThreadPoolExecutor(c.get("parallel") or 8) as pool:
            errors += pool.map(one, range(1, c["count"]))
        return {**counts_of(errors), "before": before, "after": at_rest(before, lambda: 0)}

    def do_fork(self, c: Json) -> Json:
        client, count = self.clients[c["client"]], c["count"]
        sent = [self._call(client.send, event) for _, event in looped(c)]
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._child(client, c, writer)
        os.close(writer)
        more = {**c, "first": count}
        sent += [self._call(client.send, event) for _, event in looped(more)]
        parent = counts_of(error_after(s) for s in sent)
        with os.fdopen(reader) as told:
            said = told.read()
        os.waitpid(pid, 0)
        return {"parent": parent, "child": json.loads(said or "{}")}

    def _child(self, client: d.Client, c: Json, writer: int) -> None:
        """What the child does of `fork`; it does not return."""
        with contextlib.suppress(BaseException):
            name = (c.get("name") or c["client"]) + "-child"
            sent = [self._call(client.send, event) for _, event in looped({**c, "name": name})]
            client.flush(60)
            client.close(60)
            os.write(writer, json.dumps(counts_of(error_after(s) for s in sent)).encode())
        os._exit(0)

    def do_bench(self, c: Json) -> Json:
        client, places = self.clients[c["client"]], [arguments(p) for p in c["destinations"]]
        head, tails = c.get("head", ""), c.get("tails") or [""]
        begun, cpu = time.perf_counter(), time.process_time()
        s3 = client.send.s3
        sent = [
            s3(**places[n % len(places)], payload=f"{head}{n:010d}{tails[n % len(tails)]}")
            for n in range(c["count"])
        ]
        errors = [s.exception() for s in sent]
        spent = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu}
        return {**counts_of(errors), **spent}


def _try(call: Any) -> object:
    try:
        return call()
    except d.DestinationsError as error:
        return error
