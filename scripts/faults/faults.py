#!/usr/bin/env python3
"""Makes faults and prints a row of docs/reliability.md for each:

    RESI_BINARY=target/release/resi-data-api RESI_LOAD=target/release/resi-load scripts/faults/faults.py [CASE...]

Needs Postgres' server, nginx, and libfaketime for clocks; root for disks that fill. RESI_NEWER is a build with one more
migration (build-newer.sh), for the upgrade. Ends with 1 when anything acknowledged was lost, a signature granted twice, or
a case did not end within its time.
"""

import signal, sys, traceback

import on_postgres, on_replicas, on_sqlite, table, under_load

DEADLINE = 90
CASES = on_replicas.CASES + on_postgres.CASES + on_sqlite.CASES + under_load.CASES


def too_late(*_):
    raise TimeoutError(f"not at its end after {DEADLINE} s")


def main():
    wanted = sys.argv[1:] or [case.__name__ for case in CASES]
    unknown = set(wanted) - {case.__name__ for case in CASES}
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(case.__name__ for case in CASES)}")
    print(table.HEAD, flush=True)
    signal.signal(signal.SIGALRM, too_late)
    broken = []
    for case in CASES:
        if case.__name__ not in wanted:
            continue
        signal.alarm(DEADLINE)
        try:
            case()
        except Exception:
            broken.append(case.__name__)
            traceback.print_exc()
        signal.alarm(0)
    if broken:
        print(f"could not be run to their ends: {', '.join(broken)}", file=sys.stderr)
    sys.exit(1 if table.lost_anything or broken else 0)


if __name__ == "__main__":
    main()
