#!/usr/bin/env python3
"""Makes faults and prints a row of docs/reliability.md for each:

    RESI_BINARY=target/release/resi-data-api RESI_LOAD=target/release/resi-load scripts/faults/faults.py [CASE...]

Needs Postgres' server, nginx, and libfaketime for clocks; root for disks that fill. Ends with 1 when anything
acknowledged was lost or a signature granted twice.
"""

import json, os, shutil, socket, sqlite3, statistics, subprocess, sys, tempfile, threading, time

from stage import Forwarder, Nginx, Postgres, Replica, free_port, get, wait_for
from witness import Witness, ask, bodies

HOLD = float(os.environ.get("FAULT_SECONDS", "6"))
lost_anything = False


def row(fault, how, load, saw, lost):
    global lost_anything
    lost_anything |= bool(lost and any(lost))
    lost = "not looked at" if lost is None else f"{lost[0]} reports, {lost[1]} signatures granted twice"
    print(f"| {fault} | {how} | {load} | {saw} | {lost} |", flush=True)


def checks(replica):
    status, text = get(f"{replica.base}/health")
    try:
        return f"{status} {json.loads(text)['checks']}"
    except (ValueError, KeyError):
        return str(status)


def on_postgres(fault, how, make, mend, connections=100, through=False, folder=None):
    """Two replicas under load, a fault for a while, and what is left."""
    postgres = Postgres(folder, connections)
    forwarder = Forwarder(postgres.port) if through else None
    url = postgres.url(forwarder.port if forwarder else None)
    replicas = []
    try:
        for _ in range(2):
            replicas.append(Replica(url).up())
        with Witness([replica.base for replica in replicas]) as witness:
            time.sleep(2)
            held = make(postgres, forwarder)
            time.sleep(HOLD)
            during, ready = checks(replicas[0]), replicas[0].ready()
            mend(postgres, forwarder, held)
            back = wait_for(lambda: '"database":"ok"' in get(f"{replicas[0].base}/health")[1].replace(" ", ""))
            time.sleep(2)
        row(fault, how, f"2 replicas, {witness.workers} clients, {len(witness.reports)} reports acknowledged",
            f"{witness.told()}; health {during}, ready {ready}; healthy again {back}", witness.check(replicas[0].base))
    finally:
        for replica in replicas:
            replica.close()
        postgres.close()


def kill_replica():
    postgres = Postgres()
    replicas = [Replica(postgres.url()).up()]
    replicas += [Replica(postgres.url()).up() for _ in range(2)]
    nginx = Nginx([replica.port for replica in replicas])
    try:
        wait_for(lambda: get(f"{nginx.base}/livez")[0] == 200)
        with Witness([nginx.base]) as witness:
            time.sleep(3)
            replicas[1].kill()
            time.sleep(HOLD)
        row("one of three replicas killed", "`kill -9` behind nginx", f"{witness.workers} clients, "
            f"{len(witness.reports)} reports acknowledged", witness.told(), witness.check(replicas[0].base))
    finally:
        nginx.close()
        for replica in replicas:
            replica.close()
        postgres.close()


def upgrade():
    postgres = Postgres()
    replicas = [Replica(postgres.url()).up() for _ in range(2)]
    nginx = Nginx([replica.port for replica in replicas])
    try:
        with Witness([nginx.base]) as witness:
            time.sleep(2)
            for replica in replicas:
                replica.close()
                arguments = list(replica.process.args)
                replica.process = subprocess.Popen(arguments, env={**os.environ, **_environment()}, stdout=replica.log,
                                                   stderr=subprocess.STDOUT)
                replica.up()
                time.sleep(3)
        row("replicas replaced one by one", "SIGTERM, then the same binary again (no new migration)",
            f"{witness.workers} clients, {len(witness.reports)} reports acknowledged", witness.told(),
            witness.check(replicas[0].base))
    finally:
        nginx.close()
        for replica in replicas:
            replica.close()
        postgres.close()


def _environment():
    from stage import KEYS, NO_LIMITS
    return {**KEYS, **NO_LIMITS}


def postgres_stopped():
    on_postgres("Postgres stopped and started", "`pg_ctl stop -m fast`", lambda p, f: p.stop(), lambda p, f, h: p.start())


def postgres_killed():
    on_postgres("Postgres killed", "`kill -9` of the postmaster", lambda p, f: p.kill(), lambda p, f, h: p.start())


def postgres_locked():
    def lock(postgres, _):
        tables = postgres.sql("select string_agg(quote_ident(tablename), ',') from pg_tables where schemaname = 'public'")
        return subprocess.Popen(["psql", "-q", postgres.url(), "-c", f"begin; lock {tables}; select pg_sleep({HOLD + 1})"],
                                stdout=subprocess.DEVNULL)
    on_postgres(f"all tables locked for {HOLD + 1:.0f} s", "`LOCK TABLE` in a transaction", lock, lambda p, f, h: h.wait())


def postgres_connections():
    def fill(postgres, _):
        return [subprocess.Popen(["psql", "-q", postgres.url(), "-c", f"select pg_sleep({HOLD})"], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) for _ in range(40)]
    on_postgres("connection limit reached", "`max_connections` 20, 40 strangers", fill,
                lambda p, f, h: [one.wait() for one in h], connections=20)


def postgres_moved():
    on_postgres("database's address answers elsewhere", "a forwarder cuts all, leads nowhere, then back to the server",
                lambda p, f: f.switch(free_port()), lambda p, f, h: f.switch(p.port), through=True)


def postgres_full():
    folder = tempfile.mkdtemp(prefix="resi-fault-pg.")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "none", folder], check=True)
    def fill(postgres, _):
        with open(f"{folder}/ballast", "wb") as ballast:
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
        on_postgres("Postgres' disk full", "tmpfs of 120 MiB filled, then freed and restarted", fill, mend, folder=folder)
    finally:
        subprocess.run(["umount", "-l", folder])


def on_sqlite(fault, how, make, mend, folder=None):
    folder = folder or tempfile.mkdtemp(prefix="resi-fault.")
    replica = Replica(None, folder).up()
    try:
        with Witness([replica.base]) as witness:
            time.sleep(2)
            held = make(folder)
            time.sleep(HOLD)
            during = checks(replica)
            mend(folder, held)
            time.sleep(4)
        row(fault, how, f"1 replica, {witness.workers} clients, {len(witness.reports)} reports acknowledged",
            f"{witness.told()}; health {during}; after {checks(replica)}", witness.check(replica.base))
    finally:
        replica.close()


def sqlite_full():
    folder = tempfile.mkdtemp(prefix="resi-fault.")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder], check=True)
    def fill(_):
        with open(f"{folder}/ballast", "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                pass
    try:
        on_sqlite("SQLite's disk full", "tmpfs of 24 MiB filled, then freed", fill,
                  lambda f, h: os.unlink(f"{f}/ballast"), folder)
    finally:
        subprocess.run(["umount", "-l", folder])


def sqlite_locked():
    def lock(folder):
        other = sqlite3.connect(f"{folder}/resi.sqlite", isolation_level=None, timeout=10, check_same_thread=False)
        other.execute("begin immediate")
        return other
    on_sqlite("SQLite locked by another process", f"`BEGIN IMMEDIATE` held {HOLD:.0f} s", lock,
              lambda f, other: other.execute("rollback"))


def sqlite_copies():
    """A file cut short and one that cannot be written: the service must refuse, not serve from them."""
    folder = tempfile.mkdtemp(prefix="resi-fault.")
    replica = Replica(None, folder).up()
    replica.close()
    for fault, how in (("SQLite torn by a copy", "file cut to half"), ("SQLite read-only", "mounted read-only")):
        copy = tempfile.mkdtemp(prefix="resi-fault.")
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        read_only = "read-only" in fault
        if read_only:
            subprocess.run(["mount", "--bind", copy, copy], check=True)
            subprocess.run(["mount", "-o", "remount,ro,bind", copy], check=True)
        else:
            os.truncate(f"{copy}/resi.sqlite", os.path.getsize(f"{copy}/resi.sqlite") // 2)
        again = Replica(None, copy)
        wait_for(lambda: again.ready() or again.process.poll() is not None, 10)
        row(fault, how, "start", f"exit {again.process.poll()}, ready {again.ready()}: "
            + again.tail().strip().splitlines()[-1].replace("|", "/")[:200], None)
        again.close()
        if read_only:
            subprocess.run(["umount", "-l", copy])


def clock_jump():
    for hours in ("+1h", "-1h"):
        offset = tempfile.NamedTemporaryFile("w", suffix=".faketime")
        offset.write("+0s\n")
        offset.flush()
        library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
        replica = Replica(None, LD_PRELOAD=library, FAKETIME_TIMESTAMP_FILE=offset.name, FAKETIME_NO_CACHE="1",
                          FAKETIME_DONT_FAKE_MONOTONIC="1").up()
        with open(offset.name, "w") as told:
            told.write(hours + "\n")
        clock = wait_for(lambda: '"clock":"ok"' not in get(f"{replica.base}/health")[1].replace(" ", ""), 15)
        row(f"clock jumps by {hours}", "libfaketime, monotonic clock untouched", "none",
            f"seen in health: {clock}; {checks(replica)}; ready {replica.ready()}", None)
        replica.close()


def busy(fault, how, trouble):
    """What an honest client waits for a pull, before and during trouble."""
    replica = Replica(None).up()
    try:
        tokens = [json.loads(ask(replica.base, "POST", "/get-validator-access", body)[1])["access_token"] for body in bodies(2, 2)]
        def p99():
            times, failed = [], 0
            for _ in range(400):
                began = time.monotonic()
                failed += ask(replica.base, "GET", "/api/v1/validator-data", token=tokens[0])[0] != 200
                times.append(time.monotonic() - began)
            return statistics.quantiles(times, n=100)[98] * 1000, failed
        idle, _ = p99()
        stop, made = threading.Event(), []
        threads = trouble(replica, stop, tokens, made)
        time.sleep(1)
        loaded, failed = p99()
        stop.set()
        for thread in threads:
            thread.join()
        row(fault, how, f"{len(made)} made; 400 honest pulls one after another",
            f"p99 {idle:.1f} ms before, {loaded:.1f} ms during; {failed} honest pulls failed", None)
    finally:
        replica.close()


def loop(count, work):
    def start(replica, stop, tokens, made):
        def run():
            while not stop.is_set():
                made.append(work(replica, tokens))
        threads = [threading.Thread(target=run) for _ in range(count)]
        for thread in threads:
            thread.start()
        return threads
    return start


def rubbish():
    body = json.loads(bodies(1)[0])
    body["signature"] = "0x" + "ab" * 64
    busy("rubbish signatures", "4 threads as fast as they can, address limit off",
         loop(4, lambda r, t: ask(r.base, "POST", "/get-validator-access", json.dumps(body))[0]))


def noisy_validator():
    busy("one validator at full speed", "4 threads, another hotkey's token, limit off",
         loop(4, lambda r, t: ask(r.base, "GET", "/api/v1/validator-data", token=t[1])[0]))


def new_connections():
    def connect(replica, _):
        with socket.create_connection(("127.0.0.1", replica.port), 5):
            return 1
    busy("new connections", "2 threads that open and close as fast as they can", loop(2, connect))


def held_connections(fault, how, count, step):
    def start(replica, stop, tokens, made):
        for _ in range(count):
            made.append(socket.create_connection(("127.0.0.1", replica.port), 5))
        def run():
            while not stop.wait(1):
                for one in made if step else ():
                    try:
                        one.send(step)
                    except OSError:
                        pass
        for one in made if step else ():
            one.sendall(b"POST /get-validator-access HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n{")
        thread = threading.Thread(target=run)
        thread.start()
        return [thread]
    busy(fault, how, start)


def idle_connections():
    held_connections("10,000 idle connections", "opened by one process, nothing sent", 10_000, b"")


def dribble():
    held_connections("dribbling bodies", "500 connections, one byte a second", 500, b" ")


CASES = [kill_replica, upgrade, postgres_stopped, postgres_killed, postgres_locked, postgres_connections, postgres_moved,
         postgres_full, sqlite_full, sqlite_locked, sqlite_copies, clock_jump, idle_connections, new_connections, dribble,
         noisy_validator, rubbish]

if __name__ == "__main__":
    wanted = sys.argv[1:] or [case.__name__ for case in CASES]
    unknown = set(wanted) - {case.__name__ for case in CASES}
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(case.__name__ for case in CASES)}")
    print("| fault | how it was made | load | what clients saw | what was lost |\n| --- | --- | --- | --- | --- |")
    broken = []
    for case in CASES:
        if case.__name__ in wanted:
            try:
                case()
            except Exception as error:
                broken.append(case.__name__)
                print(f"{case.__name__}: could not be run: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    sys.exit(1 if lost_anything or broken else 0)
