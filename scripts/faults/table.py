"""The table of docs/reliability.md, a row for each fault."""

import json

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


def load(witness, replicas):
    return f"{replicas}, {witness.workers} clients, {len(witness.reports)} reports acknowledged"
