#!/usr/bin/env python3
"""Deals the zipcodes of an epoch again, and compares a saved answer with them:

    scripts/verify_deal.py ANSWER POOL [--public-key HEX] [--epoch 2025-01-15T08-00-00] [--block-size 20] …

ANSWER is what GET /api/v1/validator-data or /api/v1/epochs/{id} (of an epoch that has ended) answered, POOL what
GET /api/v1/pools/{sha256} did. A second implementation that needs nothing beside Python, written from the rules and not
from the service. Each line says what vouches for a part of the answer: `ok`, `??` where nothing does, `--` where nothing
can. What takes sr25519 is not checked here, since no package for Python takes a signing context: the proof, and the
signature of the record. `resi-data-api verify` checks both, sr25519VrfVerify of @polkadot/util-crypto the proof.
"""

import argparse
import datetime
import hashlib
import json
import sys

SEED_LABEL = b"resi-rotation-v1:seed"
MAX_BATCHES = 50
MAX_BLOCK_SIZE = 50
CONFIG = {"overlap_factor": 2, "miners_per_batch": 10, "expected_properties_per_zipcode": 50, "assignment_timeout_hours": 4}
TOLERANCE = 5


def shown(value, most: int = 200) -> str:
    """What somebody else chose, fit for a terminal."""
    text = ascii(value)
    return text if len(text) <= most else text[:most] + "…"


def same(what: str, answered, expected) -> None:
    if answered != expected or isinstance(answered, bool) != isinstance(expected, bool):
        raise ValueError(f"{what} is {shown(answered)} in the answer, and {shown(expected)} was expected")


def time_of(seconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def deal(pool: list[str], pre_output: bytes, count: int) -> list[str]:
    """The first `count` zipcodes of the permutation that the pre-output of the signature gives."""
    seed = hashlib.sha256(SEED_LABEL + pre_output).digest()
    # Draws are thrown away once in 2^51 or so: twice as many as there are swaps are enough.
    stream = hashlib.shake_256(seed).digest(16 * len(pool))
    draws = (int.from_bytes(stream[at : at + 8], "little") for at in range(0, len(stream), 8))
    shuffled = list(pool)
    for i in range(len(pool) - 1, 0, -1):
        bound = i + 1
        largest = 2**64 - 1 - 2**64 % bound
        j = next(draw for draw in draws if draw <= largest) % bound
        shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
    return shuffled[:count]


class Check:
    """An answer, and the lines about what was found of it. Raises ValueError where something is not so."""

    def __init__(self, answer: dict, pool: list[str], known: argparse.Namespace):
        self.answer, self.rotation, self.pool, self.known = answer, answer["rotation"], pool, known
        self.blocks = answer.get("data_blocks")
        self.lines: list[str] = []

    def say(self, mark: str, line: str) -> None:
        self.lines.append(f"{mark}   {line}")

    def run(self) -> list[str]:
        same("algorithm", self.rotation["algorithm"], "resi-rotation-v1")
        if "signature" not in self.rotation:
            raise ValueError("the answer has no signature: the epoch has not ended")
        self.check_known()
        self.check_epoch()
        dealt = self.check_deal()
        if self.blocks is None:
            same("zipcodes", self.answer["zipcodes"], dealt)
            self.say("ok", f"all {len(dealt)} zipcodes are those that the pre-output gives, in order")
        else:
            self.check_blocks(dealt)
        self.say("??", "the VRF proof was not checked: that the pre-output is of this key over this epoch")
        self.check_record()
        if self.blocks is None:
            self.check_honeypots(dealt)
            self.say("--", "revealed_at: the service's word, that it is its start or its end")
        return self.lines

    def check_known(self) -> None:
        for name in ("public_key", "netuid", "epoch_seconds", "pool_sha256", "zipcodes_per_epoch"):
            given, answered = getattr(self.known, name), self.rotation[name]
            if given is None:
                self.say("??", f"{name}: first contact, {shown(answered)} (--{name.replace('_', '-')})")
                continue
            same(name, answered, given)
            self.say("ok", f"{name}: pinned, {given}")

    def check_epoch(self) -> None:
        epoch, seconds = self.answer["epoch"], self.rotation["epoch_seconds"]
        starts, ends = epoch["index"] * seconds, (epoch["index"] + 1) * seconds
        same("epoch.starts_at", epoch["starts_at"], time_of(starts))
        same("epoch.ends_at", epoch["ends_at"], time_of(ends))
        same("epoch.id", epoch["id"], time_of(starts)[:-1].replace(":", "-"))
        if self.known.epoch is not None:
            same("epoch.id", epoch["id"], self.known.epoch)
        now = self.known.at
        if self.blocks is not None:
            same("generated_at", self.answer["generated_at"], epoch["starts_at"])
            same("expires_at", self.answer["expires_at"], epoch["ends_at"])
            if not starts - TOLERANCE <= now < ends + TOLERANCE:
                raise ValueError(f"epoch {epoch['id']} does not run at {time_of(now)} (--at says when the answer was got)")
            self.say("ok", f"epoch {epoch['id']} was running at {time_of(now)}")
            return
        same("state", self.answer["state"], "ended" if ends <= now + TOLERANCE else "running")
        if self.answer["revealed_at"] != epoch["starts_at"]:
            same("revealed_at", self.answer["revealed_at"], epoch["ends_at"])
        asked = "the one that was asked for" if self.known.epoch else "--epoch, if another one was asked for"
        self.say("ok", f"epoch {epoch['id']}, {self.answer['state']}: {asked}")

    def check_deal(self) -> list[str]:
        same("pool_sha256", self.rotation["pool_sha256"], hashlib.sha256("\n".join(self.pool).encode()).hexdigest())
        same("pool_size", self.rotation["pool_size"], len(self.pool))
        count = self.rotation["zipcodes_per_epoch"]
        if not 1 <= count <= len(self.pool):
            raise ValueError(f"zipcodes_per_epoch is {shown(count)} of a pool of {len(self.pool)}")
        signature = bytes.fromhex(self.rotation["signature"].removeprefix("0x"))
        if len(signature) != 96:
            raise ValueError("the signature has not 96 bytes")
        return deal(self.pool, signature[:32], count)

    def check_blocks(self, dealt: list[str]) -> None:
        first = self.blocks.get("batch_001") or {"zipcodes": [], "sources": []}
        asked_size = self.known.block_size
        size = max(1, min(asked_size or len(first["zipcodes"]), MAX_BLOCK_SIZE))
        sources = self.known.sources.split(",") if self.known.sources else first["sources"]
        batches = [dealt[at : at + size] for at in range(0, len(dealt), size)][:MAX_BATCHES]
        names = [f"batch_{at:03}" for at in range(1, len(batches) + 1)]
        same("the names of the batches", sorted(self.blocks), names)
        for name, zipcodes in zip(names, batches):
            batch = self.blocks[name]
            same(f"zipcodes of {name}", batch["zipcodes"], zipcodes)
            same(f"sources of {name}", batch["sources"], sources)
            same(f"expected_properties of {name}", batch["expected_properties"], 50 * len(zipcodes))
            same(f"assignment_groups of {name}", batch["assignment_groups"], 2)
            same(f"miners_per_group of {name}", batch["miners_per_group"], 10)
            same(f"the number of size_ranks of {name}", len(batch["geographic_info"]["size_ranks"]), len(zipcodes))
        total = [zipcode for batch in batches for zipcode in batch]
        same("total_batches", self.answer["total_batches"], len(batches))
        same("total_zipcodes", self.answer["total_zipcodes"], len(total))
        same("assignment_config", self.answer["assignment_config"], CONFIG)
        # Of one batch that is not full nobody can tell how large it may be, unless it was asked for.
        sizes = range(size, MAX_BLOCK_SIZE + 1) if len(batches) == 1 and not asked_size else [size]
        ids = [self.request_id(sources, one, total) for one in sizes]
        if self.answer["request_id"] not in ids:
            same("request_id", self.answer["request_id"], ids[0])
        self.say("ok", f"all {len(total)} zipcodes in {len(batches)} batches are those that the pre-output gives, in order")
        if asked_size:
            self.say("ok", f"block_size: asked for, {len(first['zipcodes'])} zipcodes in the first batch")
        else:
            self.say("??", f"block_size: {size}, and smaller blocks than were asked for hide the end of the deal (--block-size)")
        if self.known.sources:
            self.say("ok", f"sources: asked for, {','.join(sources)}")
        else:
            self.say("--", f"sources: {shown(sources)}, and no proof is about them (--sources)")
        self.say("--", "geographic_info: no proof is about states, metropolitan areas and size ranks")

    def request_id(self, sources: list[str], size: int, zipcodes: list[str]) -> str:
        text = "\n".join([",".join(sources), str(size), *zipcodes])
        epoch = self.answer["epoch"]["id"]
        day, time = epoch[:10].replace("-", ""), epoch[11:13] + epoch[14:16]
        return f"zipcode_block_{day}_{time}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def check_record(self) -> None:
        if "record_signature" not in self.answer:
            self.say("??", "the record of the epoch has no signature")
            return
        text = "resi-epoch-record-v1:{netuid}:{epoch_seconds}:{index}:{pool_sha256}:{pool_size}:{zipcodes_per_epoch}:{public_key}:{prev}"
        text = text.format(index=self.answer["epoch"]["index"], prev=self.answer.get("prev_sha256", "-"), **self.rotation)
        if "honeypots_sha256" in self.rotation:
            text += f":{self.rotation['honeypots_sha256']}"
        self.say("??", f"the signature of the record was not checked: of this key, in the context resi-record-v1, over {shown(text, 600)}")

    def check_honeypots(self, dealt: list[str]) -> None:
        committed, honeypots = self.rotation.get("honeypots_sha256"), self.answer.get("honeypots")
        if self.known.honeypots_sha256 is not None:
            same("honeypots_sha256", committed, self.known.honeypots_sha256)
        if committed is None and honeypots is None or self.answer["state"] == "running":
            same("honeypots", honeypots, None)
            return
        text = f"resi-honeypots-v1:{honeypots['salt']}:{','.join(honeypots['zipcodes'])}"
        same("honeypots_sha256", committed, hashlib.sha256(text.encode()).hexdigest())
        rest = iter(dealt)
        for decoy in honeypots["zipcodes"]:
            if decoy not in rest:
                raise ValueError(f"{shown(decoy)} was not dealt, or is not where the deal has it")
        count = len(honeypots["zipcodes"])
        if self.known.honeypots_sha256 is not None:
            self.say("ok", f"{count} of them were decoys, as the hash that you gave commits to")
        else:
            self.say("??", f"{count} of them are said to have been decoys: nothing that was checked commits to these (--honeypots-sha256)")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answer", metavar="ANSWER")
    parser.add_argument("pool", metavar="POOL")
    for name, kind in (("public-key", str), ("netuid", int), ("epoch-seconds", int), ("pool-sha256", str), ("zipcodes-per-epoch", int)):
        parser.add_argument(f"--{name}", type=kind, help="as you know it")
    parser.add_argument("--honeypots-sha256", help="as the blocks of this epoch had it")
    parser.add_argument("--epoch", help="the one that was asked for: 2025-01-15T08-00-00")
    parser.add_argument("--sources", help="those that were asked for and granted: ZILLOW_SOLD,REDFIN")
    parser.add_argument("--block-size", type=int, help="the one that was asked for")
    parser.add_argument("--at", help="when the answer was got, if not now: 2025-01-15T10:30:00Z")
    known = parser.parse_args()
    now = datetime.datetime.now(datetime.timezone.utc)
    known.at = int((datetime.datetime.fromisoformat(known.at.replace("Z", "+00:00")) if known.at else now).timestamp())
    return known


def main() -> None:
    known = arguments()
    try:
        with open(known.answer, encoding="utf-8-sig") as answer, open(known.pool, encoding="utf-8-sig") as pool:
            lines = Check(json.load(answer), json.load(pool)["zipcodes"], known).run()
    except (OSError, ValueError) as error:
        sys.exit(f"refused: {error}")
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        sys.exit(f"refused: not an answer of the service ({shown(error)})")
    print("\n".join(lines))
    print("\nThe answer agrees with itself and with what is marked ok. What is marked ?? was not checked, or nothing vouches for it.")


if __name__ == "__main__":
    main()
