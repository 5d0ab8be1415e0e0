"""The table of docs/reliability.md, a row for each fault."""

import json, threading, time

from stage import get

HEAD = "| fault | how it was made | load | what clients saw | what was lost |\n| --- | --- | --- | --- | --- |"
lost_anything = False


def row(fault, how, load, saw, lost):
    """`lost` is what Witness.check found; None where nothing was acknowledged that could be lost."""
    global lost_anything
    lost_anything |= bool(lost and any(lost))
    lost = "nothing was written" if lost is None else f"{lost[0]} reports, {lost[1]} signatures granted twice"
    print(f"| {fault} | {how} | {load} | {saw} | {lost} |", flush=True)


def health(replica):
    """The checks of /health that are not ok, and whether the replica wants requests."""
    status, text = get(f"{replica.base}/health")
    try:
        wrong = [f"{name} {state}" for name, state in json.loads(text)["checks"].items() if state != "ok"]
    except (ValueError, KeyError):
        wrong = ["no answer"]
    return f"`/health` {status} {', '.join(wrong) or 'all ok'}, {'ready' if replica.ready() else 'not ready'}"


class HealthWatch:
    """Looks at /health four times a second, and tells when it changed."""

    def __init__(self, replica):
        self.replica, self.changes = replica, []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.look)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def look(self):
        while not self.stopped.wait(0.25):
            now, found = time.monotonic(), health(self.replica)
            if not self.changes or self.changes[-1][1] != found:
                self.changes.append((now, found))

    def told(self, began, mended):
        """In seconds from when the fault was made."""
        since = "".join(f"; at {at - began:.1f} s {found.removeprefix('`/health` ')}" for at, found in self.changes[1:])
        return f"{self.changes[0][1]}{since}; mended at {mended - began:.1f} s"


def load(witness, replicas):
    return f"{replicas}, {witness.workers} clients, {len(witness.reports)} reports acknowledged"
