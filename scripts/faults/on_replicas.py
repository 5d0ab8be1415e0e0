"""What happens to replicas behind nginx, and to their clocks."""

import os, tempfile, time

from stage import BINARY, FAIL_TIMEOUT, NEWER, Nginx, Postgres, Replica, get, wait_for
from table import health, load, row
from witness import Witness

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def behind_nginx(count, fault, how, make):
    postgres = Postgres()
    replicas, nginx = [], None
    try:
        for _ in range(count):
            replicas.append(Replica(postgres.url()).up())
        nginx = Nginx([replica.port for replica in replicas])
        wait_for(lambda: get(f"{nginx.base}/livez")[0] == 200)
        with Witness([nginx.base]) as witness:
            time.sleep(2)
            after = make(postgres, replicas) or ""
            time.sleep(2)
        row(fault, how, load(witness, f"{count} replicas"), f"{witness.told()}{after}", witness.check(replicas[0].base))
    finally:
        if nginx:
            nginx.close()
        for replica in replicas:
            replica.close()
        postgres.close()


def replica_killed():
    def kill(_, replicas):
        replicas[1].kill()
        time.sleep(5)
    behind_nginx(3, "one of three replicas killed", "`kill -9` behind nginx", kill)


def replace(replicas, binary):
    """One by one, the next when nginx uses the one before again: with both marked as down it would answer 502 itself."""
    for number, replica in enumerate(replicas):
        replica.close()
        replicas[number] = replica.again(binary).up()
        time.sleep(FAIL_TIMEOUT + 1)


def replicas_restarted():
    behind_nginx(2, "replicas restarted one by one", "SIGTERM behind nginx, the same binary again",
                 lambda _, replicas: replace(replicas, BINARY))


def upgrade():
    """RESI_NEWER is a build with one more migration, as build-newer.sh makes it; the old binary is started on its schema too."""
    def migrations(postgres):
        return postgres.sql("select count(*) from _sqlx_migrations")
    def to_newer_and_back(postgres, replicas):
        before = migrations(postgres)
        replace(replicas, NEWER)
        upgraded = migrations(postgres)
        assert int(upgraded) == int(before) + 1, (before, upgraded)
        assert all("-newer" in get(f"{replica.base}/health")[1] for replica in replicas)
        replace(replicas, BINARY)
        return f"; {before} migrations before, {upgraded} after; then back to the older binary, which was ready again"
    behind_nginx(2, "upgrade under load, and back", "SIGTERM behind nginx, one by one; the newer version has one more migration",
                 to_newer_and_back)


def clock_jump():
    for hours in ("+1h", "-1h"):
        offset = tempfile.NamedTemporaryFile("w", suffix=".faketime")
        offset.write("+0s\n")
        offset.flush()
        replica = Replica(None, LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=offset.name, FAKETIME_NO_CACHE="1",
                          FAKETIME_DONT_FAKE_MONOTONIC="1").up()
        try:
            with open(offset.name, "w") as told:
                told.write(hours + "\n")
            wait_for(lambda: '"clock":"ok"' not in get(f"{replica.base}/health")[1].replace(" ", ""), 15)
            during = health(replica)
            with open(offset.name, "w") as told:
                told.write("+0s\n")
            wait_for(replica.ready, 15)
            row(f"clock jumps by {hours}, and back", "libfaketime, monotonic clock untouched", "none",
                f"{during}; once it is right {health(replica)}", None)
        finally:
            replica.close()


CASES = [replica_killed, replicas_restarted, *([upgrade] if NEWER else []),
         *([clock_jump] if os.path.exists(FAKETIME) else [])]
