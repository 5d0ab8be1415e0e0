#!/usr/bin/env python3
"""Deals the zipcodes of an epoch again and compares them with a saved answer:

    scripts/verify_deal.py ANSWER POOL

ANSWER is what GET /api/v1/validator-data or /api/v1/epochs/{id} (of an epoch that has ended) answered, POOL what
GET /api/v1/pools/{sha256} did. A second implementation that needs nothing beside Python, written from the rules and not
from the service. It does not check the proof, which takes sr25519: that the signature is of the rotation key over this
epoch is shown by `resi-data-api verify`, or by sr25519VrfVerify of @polkadot/util-crypto.
"""

import hashlib
import json
import sys

LABEL = b"resi-rotation-v1:seed"
MAX_BATCHES = 50


def deal(pool: list[str], pre_output: bytes, count: int) -> list[str]:
    """The first `count` zipcodes of the permutation that the pre-output of the signature gives."""
    seed = hashlib.sha256(LABEL + pre_output).digest()
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


def check(answer: dict, pool: list[str]) -> str:
    """What was found to be so; raises ValueError where something is not."""
    rotation = answer["rotation"]
    if "signature" not in rotation:
        raise ValueError("the answer has no signature: the epoch has not ended")
    if hashlib.sha256("\n".join(pool).encode()).hexdigest() != rotation["pool_sha256"]:
        raise ValueError("the pool does not hash to pool_sha256")
    if len(pool) != rotation["pool_size"]:
        raise ValueError("the pool has not pool_size zipcodes")
    signature = bytes.fromhex(rotation["signature"].removeprefix("0x"))
    if len(signature) != 96:
        raise ValueError("the signature has not 96 bytes")
    dealt = deal(pool, signature[:32], rotation["zipcodes_per_epoch"])
    if "data_blocks" not in answer:
        if answer["zipcodes"] != dealt:
            raise ValueError("the zipcodes are not those of the signature, in order")
        return f"{len(dealt)} zipcodes"
    answered = {name: batch["zipcodes"] for name, batch in answer["data_blocks"].items()}
    if not answered.get("batch_001"):
        raise ValueError("there is no batch_001")
    size = len(answered["batch_001"])
    batches = [dealt[at : at + size] for at in range(0, len(dealt), size)][:MAX_BATCHES]
    if answered != {f"batch_{at:03}": batch for at, batch in enumerate(batches, 1)}:
        raise ValueError("the batches are not those of the signature, in order")
    if answer["total_batches"] != len(batches) or answer["total_zipcodes"] != sum(map(len, batches)):
        raise ValueError("the totals are not those of the batches")
    return f"{answer['total_zipcodes']} zipcodes in {len(batches)} batches"


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: verify_deal.py ANSWER POOL")
    try:
        with open(sys.argv[1], encoding="utf-8") as answer, open(sys.argv[2], encoding="utf-8") as pool:
            found = check(json.load(answer), json.load(pool)["zipcodes"])
    except (OSError, ValueError) as error:
        sys.exit(f"not verified: {error}")
    except (KeyError, TypeError, AttributeError) as error:
        sys.exit(f"not verified: not an answer of the service ({error!r})")
    print(f"ok: {found} are those that the pre-output gives, in order; the VRF proof itself was not checked")


if __name__ == "__main__":
    main()
