#!/usr/bin/env python3
"""Writes tests/fixtures/schemas/BACKEND-VERSION.sql, a database as each version of the schema left it, with a few rows:

    scripts/with-postgres.sh scripts/make-schema-fixtures.py VERSION

For the newest version only, once it is released: those that are there are never made anew.
"""

import hashlib, json, os, pathlib, re, sqlite3, subprocess, sys, urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests/fixtures/schemas"

# Of the development key //Alice, and of the rotation key that the tests of the service have.
ALICE = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
ROTATION = "6023d052711f478bc758918bdd26e24ac5d773629fc902dfb09de2588ba4ab08"
START = 1736933400  # 2025-01-15T09:30:00Z
EPOCH, BEFORE = 1736928000, 1736913600  # the epoch that runs then, and the one before
POOL = [("77494", "TX", "Houston-The Woodlands-Sugar Land, TX", 1), ("08701", "NJ", "", 2), ("77449", "TX", "", None)]
POOL_SHA256 = hashlib.sha256("\n".join(zipcode for zipcode, *_ in POOL).encode()).hexdigest()
DECOY = "77449"  # which both epochs deal
HONEYPOTS = {"salt": "5a" * 32, "zipcodes": [DECOY]}
RULES = {"public_key": f"0x{ROTATION}", "epoch_seconds": 14_400, "pool_size": 3, "pool_sha256": POOL_SHA256}
# Signed once, by the rotation key.
ANNOUNCEMENT = {
    "netuid": 46, "from": "2025-01-16T12-00-00", "announced_at": "2025-01-15T09:29:00Z",
    "before": {**RULES, "zipcodes_per_epoch": 2}, "after": {**RULES, "zipcodes_per_epoch": 1},
    "signature": "0xe650e13375874a21b92bdeb7eb3a5cdd7dec7f10e619b1c79e1b2f17347a2b01"
                 "4b96fd8814de0c665d145686a78b61aee5ba99f58da5dd8b0da4b37c09066183",
}
# Likewise, over the two records.
RECORD_SIGNATURES = {
    BEFORE: "74830674bf81ee6fe470e40b5594fe7bb8d6d46e8bc3d2c61208c8448790f30a"
            "7e96cb8a1306aece6f93ef5d76b9e7dd7163fccae365b613bd5a60771dee7289",
    EPOCH: "c89ec48b2920ef4c961e20da6a690b6bbdca8ebebf4fb3355f249c754dbf9f7d"
           "d68bf169f4857d0e792c630abd04aeaf133213d56b2ec6f98799f8912839ab82",
}


def micros(seconds):
    return seconds * 1_000_000


def report(name, status):
    return json.dumps({"assignment_id": name, "status": status, "statistics": {"success_rate": 0.5}})


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def entries(version):
    named = [dict(zip(("zipcode", "state", "metro", "size_rank"), entry)) for entry in POOL]
    if version >= 6:
        named = [{**entry, "decoy": True} if entry["zipcode"] == DECOY else entry for entry in named]
    return json.dumps(named)


def record_sha256(version, epoch):
    """Of a record that is linked to none, as docs/rotation.md says."""
    text = f"resi-epoch-record-v1:46:14400:{epoch // 14_400}:{POOL_SHA256}:3:2:0x{ROTATION}:-"
    if version >= 6:
        decoys = f"resi-honeypots-v1:{HONEYPOTS['salt']}:{','.join(HONEYPOTS['zipcodes'])}"
        text += f":{hashlib.sha256(decoys.encode()).hexdigest()}"
    return hashlib.sha256(text.encode()).digest()


def rows(version, postgres):
    """What each version wrote, as (table, row) with bytes as `bytes`."""
    alice, false, true = bytes.fromhex(ALICE), (False if postgres else 0), (True if postgres else 1)
    granted = micros(START - 60)
    yield "used_signatures", dict(remember_until=micros(START + 300), signature=b"\x07" * 64)
    yield "validators", dict(hotkey=alice, first_granted_at=granted, recent_grants=f"{{{granted}}}" if postgres else f"[{granted}]")
    for name, status in (("first", "completed"), ("second", "started")):
        yield "assignments", dict(hotkey=alice, assignment_id=name, status=status, late=false, epoch=EPOCH, opened_in=EPOCH,
                                  report=report(name, status), first_reported_at=granted, updated_at=granted, revision=1)
    if not postgres:
        yield "openings", dict(opened_in=EPOCH, hotkey=alice, opened=2)
    shard = {"shard": 0} if postgres else {}
    yield "epoch_totals", dict(epoch=EPOCH, **shard, started=1, completed=1, failed=0, expired=0, success_sum=0.5,
                               success_count=1, last_at=granted, last_assignment_id="first", last_status="completed")
    yield "epoch_validators", dict(epoch=EPOCH, hotkey=alice, consensus_hash=b"\xaa" * 32)
    yield "pulls", dict(netuid=46, epoch=EPOCH, hotkey=alice, sources="ZILLOW_SOLD", block_size=20, first_at=granted)
    yield "pools", dict(sha256=bytes.fromhex(POOL_SHA256), entries=entries(version))
    for epoch in (BEFORE, EPOCH):
        linked = dict(prev_sha256=record_sha256(version, BEFORE) if epoch == EPOCH else None) if version >= 4 else {}
        decoys = dict(honeypots=compact(HONEYPOTS)) if version >= 6 else {}
        signed = dict(record_signature=bytes.fromhex(RECORD_SIGNATURES[epoch])) if version >= 9 else {}
        yield "epochs", dict(netuid=46, epoch=epoch, epoch_seconds=14_400, ends_at=epoch + 14_400,
                             pool_sha256=bytes.fromhex(POOL_SHA256), pool_size=3, zipcodes_per_epoch=2,
                             public_key=bytes.fromhex(ROTATION), agreed_at=micros(epoch - 600), **linked, **decoys, **signed)
    if version >= 2:
        yield "audit", dict(at=granted, kind="grant", code="GRANTED", hotkey=alice, proved=true, subject=None,
                            request_id="01JHMFZ0000000000000000000", address="192.0.2.1", times=1)
        if not postgres:
            event = [granted, "status", "completed", ALICE, 1, "first", "01JHMFZ0000000000000000001", "192.0.2.1", 1]
            yield "audit_of_reports", dict(at=granted, entries=json.dumps([event]))
    if version >= 3:
        yield "chain_members", dict(genesis=b"\x01" * 32, netuid=46, block=5_000_000, members=b"\x02\x03")
        yield "used_nonces", dict(nonce=START * 1_000_000_000, hotkey=alice)
    if version >= 5:
        yield "rotation_announcements", dict(netuid=46, position=0, announcement=compact(ANNOUNCEMENT))
        yield "audit", dict(at=granted, kind="rotation", code="announced", hotkey=None, proved=false,
                            subject=f"{ANNOUNCEMENT['from']} 0x{ROTATION}", request_id=None, address=None, times=1)
    if version >= 8 and postgres:
        event = [granted, "status", "completed", ALICE, 1, "first", "01JHMFZ0000000000000000001", "192.0.2.1", 1]
        yield "audit_of_reports", dict(at=granted, entries=json.dumps([event]))
    if version >= 7:
        yield "passed_requests", dict(stretch=START - 60, kind=0, hotkey=alice, replica=7, passed=40)
        written = dict(written_at="2025-01-15 09:29:00+00") if postgres else dict(ballast=b"\x08" * 16)
        yield "write_probes", dict(id=0, **written)


def literal(value, postgres):
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'" if postgres else f"x'{value.hex()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else str(value)


def statements(version, postgres):
    """The migrations, what sqlx notes of them, and the rows."""
    blob = "BYTEA" if postgres else "BLOB"
    when = "TIMESTAMPTZ NOT NULL DEFAULT now()" if postgres else "TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP"
    yield (f"CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on {when}, "
           f"success BOOLEAN NOT NULL, checksum {blob} NOT NULL, execution_time BIGINT NOT NULL)")
    for path in sorted((ROOT / "migrations" / ("postgres" if postgres else "sqlite")).glob("*.sql")):
        number, name = path.stem.split("_", 1)
        if int(number) > version:
            break
        yield path.read_text()
        note = (int(number), name.replace("_", " "), "2025-01-15 09:00:00", True, hashlib.sha384(path.read_bytes()).digest(), 1)
        yield f"INSERT INTO _sqlx_migrations VALUES ({', '.join(literal(value, postgres) for value in note)})"
    for table, row in rows(version, postgres):
        values = ", ".join(literal(value, postgres) for value in row.values())
        yield f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"


def of_sqlite(version):
    database = sqlite3.connect(":memory:")
    for statement in statements(version, postgres=False):
        database.executescript(statement)
    return "\n".join(database.iterdump()) + "\n"


def of_postgres(version):
    server = os.environ["RESI_TEST_POSTGRES_URL"]
    url = urllib.parse.urlparse(server)._replace(path=f"/schema_{version}").geturl()
    subprocess.run(["psql", "-q", server, "-c", f"CREATE DATABASE schema_{version}"], check=True)
    text = ";\n".join(statements(version, postgres=True))
    subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction", url], input=text, text=True, check=True)
    dump = subprocess.run(["pg_dump", "--inserts", "--no-owner", "--no-comments", url], check=True, text=True, capture_output=True)
    # Words to psql, of settings and of what made the dump are of no use to others.
    useless = re.compile(r"(\\|--|SET |SELECT pg_catalog.set_config)")
    lines = [line for line in dump.stdout.splitlines() if line and not useless.match(line)]
    return "\n".join(lines) + "\n"


def main():
    version = int(sys.argv[1])
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for backend, make in (("sqlite", of_sqlite), ("postgres", of_postgres)):
        path = FIXTURES / f"{backend}-{version:04}.sql"
        if path.exists():
            sys.exit(f"{path} is there already")
        path.write_text(make(version))
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
