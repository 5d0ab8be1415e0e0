"""What happens to Postgres, under load of all endpoints at two replicas."""

import os, shutil, subprocess, tempfile, time

from stage import Forwarder, Postgres, Replica, free_port
from table import HealthWatch, load, row
from witness import Witness

HOLD = 6
STOPPED = 20
LONG_HOLD = 30


def under_load(fault, how, make, mend, hold=HOLD, connections=100, through=False, folder=None):
    """A fault for a while, and what is left of what was acknowledged. `make` may return what `mend` needs."""
    postgres = Postgres(folder, connections)
    forwarder = Forwarder(postgres.port) if through else None
    url = postgres.url(forwarder.port if forwarder else None)
    replicas = []
    try:
        for _ in range(2):
            replicas.append(Replica(url).up())
        with Witness([replica.base for replica in replicas]) as witness, HealthWatch(replicas[0]) as watch:
            time.sleep(2)
            began = time.monotonic()
            held = make(postgres, forwarder)
            time.sleep(hold)
            mend(postgres, forwarder, held)
            mended = time.monotonic()
            time.sleep(8)
        row(fault, how, load(witness, "2 replicas"),
            f"{witness.told()}; {watch.told(began, mended)}",
            witness.check(replicas[0].base))
    finally:
        for replica in replicas:
            replica.close()
        postgres.close()


def postgres_stopped():
    under_load(f"Postgres stopped for {STOPPED} s", "`pg_ctl stop -m fast`, then started", lambda p, f: p.stop(),
               lambda p, f, h: p.start(), hold=STOPPED)


def postgres_restarted():
    under_load("Postgres restarted", "`pg_ctl restart -m fast`", lambda p, f: p.restart(), lambda p, f, h: None, hold=2)


def postgres_killed():
    under_load(f"Postgres killed, away for {HOLD} s", "`kill -9` of the postmaster, then started", lambda p, f: p.kill(),
               lambda p, f, h: p.start())


def postgres_locked():
    def lock(postgres, _):
        tables = postgres.sql("select string_agg(quote_ident(tablename), ',') from pg_tables where schemaname = 'public'")
        return subprocess.Popen(["psql", "-q", postgres.url(), "-c", f"begin; lock {tables}; select pg_sleep({LONG_HOLD})"],
                                stdout=subprocess.DEVNULL)
    under_load(f"all tables of Postgres locked for {LONG_HOLD} s", "`LOCK TABLE` in a transaction", lock,
               lambda p, f, h: h.wait(), hold=LONG_HOLD - 2)


def postgres_connections():
    def fill(postgres, _):
        return [subprocess.Popen(["psql", "-q", postgres.url(), "-c", f"select pg_sleep({HOLD})"], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) for _ in range(40)]
    under_load("connection limit of Postgres reached", "`max_connections` 20, 40 strangers that come after the replicas", fill,
               lambda p, f, h: [one.wait() for one in h], connections=20)


def postgres_starved():
    """The replicas lose their connections, and strangers take the places."""
    def fill(postgres, _):
        postgres.restart()
        return [subprocess.Popen(["psql", "-q", postgres.url(), "-c", f"select pg_sleep({HOLD})"], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) for _ in range(20)]
    under_load("no connection of Postgres left", "`max_connections` 12, restarted, 20 strangers at once", fill,
               lambda p, f, h: [one.wait() for one in h], connections=12)


def postgres_cut_off():
    under_load(f"address of the database leads nowhere for {HOLD} s", "a forwarder cuts all, leads nowhere, then back",
               lambda p, f: f.switch(free_port()), lambda p, f, h: f.switch(p.port), through=True)


def failover(fault, how, lose):
    standbys = []
    def fail(primary, forwarder):
        standbys.append(primary.standby())
        time.sleep(2)
        lose(primary, forwarder)
    def promote(_, forwarder, __):
        standbys[0].promote()
        forwarder.target = standbys[0].port
    try:
        under_load(fault, f"synchronous standby; {how}, standby promoted, address switched", fail, promote, hold=2, through=True)
    finally:
        for standby in standbys:
            standby.close()


def postgres_failover():
    def lose(primary, forwarder):
        primary.kill()
        forwarder.switch(free_port())
    failover("fail-over to another server", "primary killed", lose)


def postgres_vanished():
    """Nothing comes back on what is open, not even an end, as from a machine that is gone."""
    def lose(primary, forwarder):
        forwarder.silence(free_port())
        primary.kill()
    failover("fail-over from a server that falls silent", "connections to the primary go silent", lose)


def postgres_full():
    folder = tempfile.mkdtemp(prefix="resi-fault-pg.")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "none", folder], check=True)
    def fill(postgres, _):
        with open(f"{folder}/ballast", "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(65536))
            except OSError:
                pass
    def mend(postgres, *_):
        os.unlink(f"{folder}/ballast")
        try:
            postgres.stop("immediate")
        except subprocess.CalledProcessError:
            pass
        postgres.start()
    try:
        under_load("disk of Postgres full", "tmpfs of 120 MiB filled, then freed, Postgres started anew", fill, mend,
                   folder=folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


CASES = [postgres_stopped, postgres_restarted, postgres_killed, postgres_locked, postgres_connections, postgres_starved,
         postgres_cut_off, postgres_failover, postgres_vanished, postgres_full]
