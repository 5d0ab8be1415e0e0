"""What happens to a file of SQLite, under load of all endpoints at one replica."""

import os, shutil, sqlite3, subprocess, tempfile, time

from stage import Replica, wait_for
from table import HealthWatch, load, row
from witness import Witness

HOLD = 6


def under_load(fault, how, make, mend, folder=None):
    folder = folder or tempfile.mkdtemp(prefix="resi-fault.")
    replica = Replica(None, folder).up()
    try:
        with Witness([replica.base]) as witness, HealthWatch(replica) as watch:
            time.sleep(2)
            began = time.monotonic()
            held = make(folder)
            time.sleep(HOLD)
            mend(folder, held)
            mended = time.monotonic()
            time.sleep(4)
        row(fault, how, load(witness, "1 replica"), f"{witness.told()}; {watch.told(began, mended)}",
            witness.check(replica.base))
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
        under_load("disk of SQLite full", "tmpfs of 24 MiB filled, then freed", fill, lambda f, h: os.unlink(f"{f}/ballast"),
                   folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


def sqlite_locked():
    def lock(folder):
        other = sqlite3.connect(f"{folder}/resi.sqlite", isolation_level=None, timeout=10, check_same_thread=False)
        other.execute("begin immediate")
        return other
    under_load("SQLite locked by another process", f"`BEGIN IMMEDIATE` held for {HOLD} s", lock,
               lambda f, other: other.execute("rollback"))


def started_on(fault, how, spoil, mend=lambda copy: None):
    """A service that is started on a copy of its folder that something happened to."""
    folder, copy = (tempfile.mkdtemp(prefix="resi-fault.") for _ in range(2))
    Replica(None, folder).up().close()
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    spoil(copy)
    again = Replica(None, copy)
    try:
        wait_for(lambda: again.ready() or again.process.poll() is not None, 10)
        said = again.tail().strip().splitlines()[-1].replace("|", "/")[:200]
        row(fault, how, "start", f"{'ready' if again.ready() else f'exit {again.process.poll()}'}: {said}", None)
    finally:
        again.close()
        mend(copy)


def sqlite_torn():
    started_on("SQLite torn by a copy", "file cut to half",
               lambda copy: os.truncate(f"{copy}/resi.sqlite", os.path.getsize(f"{copy}/resi.sqlite") // 2))


def sqlite_read_only():
    def freeze(copy):
        subprocess.run(["mount", "--bind", copy, copy], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", copy], check=True)
    started_on("SQLite read-only", "mounted read-only", freeze, lambda copy: subprocess.run(["umount", "-l", copy], check=False))


CASES = [sqlite_full, sqlite_locked, sqlite_torn, sqlite_read_only]
