#!/usr/bin/env python3
"""Compares one, two and three replicas on one Postgres, and tells what a request costs:

    RESI_BINARY=target/release/resi-data-api RESI_LOAD=target/release/resi-load scripts/compare-replicas.py [SECONDS [REPLICAS...]]

The replicas share the last processor, so more of them have no more of it than one; wrk and Postgres have the others.
Needs Postgres' server and wrk.
"""

import json, os, re, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{ROOT}/faults")

from stage import Postgres, Replica
from witness import ask, bodies

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 4
COUNTS = [int(count) for count in sys.argv[2:]] or [1, 2, 3]
CONNECTIONS = 48
LAST = os.cpu_count() - 1
OTHERS = f"0-{LAST - 1}" if LAST > 0 else "0"
TICK = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid):
    """Of a process and of its children that have ended."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / TICK


def of_postgres(postgres):
    with open(f"{postgres.folder}/data/postmaster.pid") as file:
        postmaster = int(file.readline())
    with open(f"/proc/{postmaster}/task/{postmaster}/children") as file:
        children = file.read().split()
    return sum(processor_seconds(pid) for pid in [postmaster, *children])


def wrk(replica, number, count, script, path, *arguments):
    """A share of the connections at one replica."""
    command = ["taskset", "-c", OTHERS, "wrk", "-t", "1", "-c", str(CONNECTIONS // count), "-d", f"{SECONDS}s", "-s",
               f"{ROOT}/wrk/{script}.lua", f"{replica.base}{path}", "--", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def shares_of(lines, count):
    for number in range(count):
        file = tempfile.NamedTemporaryFile("w", suffix=".jsonl")
        file.write("".join(f"{line}\n" for line in lines[number::count]))
        file.flush()
        yield file


def measure(postgres, replicas, start):
    before = sum(processor_seconds(replica.process.pid) for replica in replicas), of_postgres(postgres)
    runs = [start(number, replica) for number, replica in enumerate(replicas)]
    figures = [dict(re.findall(r"(\w+)=([\d.]+)", run.communicate()[0])) for run in runs]
    after = sum(processor_seconds(replica.process.pid) for replica in replicas), of_postgres(postgres)
    requests = sum(int(figure["requests"]) for figure in figures)
    wrong = sum(int(figure["bad"]) + int(figure["socket_errors"]) for figure in figures)
    assert wrong == 0, figures
    cost = [(late - early) * 1e6 / requests for early, late in zip(before, after)]
    per_second = sum(int(figure["per_second"]) for figure in figures)
    return per_second, cost, max(int(figure["p99_us"]) for figure in figures) / 1e3, requests


def compared(count, signed):
    postgres = Postgres()
    replicas = []
    try:
        subprocess.run(["taskset", "-acp", OTHERS, open(f"{postgres.folder}/data/postmaster.pid").readline().strip()],
                       check=True, stdout=subprocess.DEVNULL)
        for _ in range(count):
            replicas.append(Replica(postgres.url(), wrap=["taskset", "-c", str(LAST)]).up())
        tokens = [json.loads(ask(replicas[0].base, "POST", "/get-validator-access", body)[1])["access_token"]
                  for body in bodies(20)]
        files = list(shares_of(signed, count))
        works = {
            "blocks, gzip": lambda n, r: wrk(r, n, count, "get", "/api/v1/validator-data", "gzip", tokens[0]),
            "access": lambda n, r: wrk(r, n, count, "access", "/get-validator-access", files[n].name, "1"),
            "reports": lambda n, r: wrk(r, n, count, "status", "/api/v1/assignment-status", f"r{n}", *tokens),
        }
        # Connections to the database, and blocks that are made once, are not to be counted.
        measure(postgres, replicas, works["blocks, gzip"])
        for work, start in works.items():
            per_second, (own, of_database), p99, requests = measure(postgres, replicas, start)
            print(f"| {work} | {count} | {per_second:,} | {own:.0f} µs | {of_database:.0f} µs | {p99:.1f} ms |", flush=True)
        time.sleep(1)
        size = postgres.sql("select sum(pg_total_relation_size(oid)) from pg_class where relname in "
                            "('assignments', 'audit', 'epoch_validators')")
        rows = postgres.sql("select count(*) from assignments")
        grants = postgres.sql("select count(*) from audit where kind = 'grant'")
        print(f"{rows} reports and {grants} grants take {int(size) / (int(rows) + int(grants)):.0f} bytes each in Postgres, "
              "indexes and audit counted", flush=True)
    finally:
        for replica in replicas:
            replica.close()
        postgres.close()


print("| work | replicas | per second | replicas' processor time a request | Postgres' | p99 |")
print("| --- | ---: | ---: | ---: | ---: | ---: |")
for count in COUNTS:
    compared(count, bodies(12_000 * SECONDS))
