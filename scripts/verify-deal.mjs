#!/usr/bin/env node
// Checks a saved answer of the service, proof and deal, and says of each part what vouches for it:
//
//   npm ci --prefix scripts                                   (once; Node 18 or newer)
//   node scripts/verify-deal.mjs ANSWER POOL [OPTION...]
//
// ANSWER is what GET /api/v1/validator-data or /api/v1/epochs/{id} (of an epoch that has ended) answered, POOL what
// GET /api/v1/pools/{sha256} did. A second implementation, written from the rules and not from the service.
//
// What you knew before: --public-key HEX, --netuid N, --epoch-seconds N, --pool-sha256 HEX, --zipcodes-per-epoch N,
// --honeypots-sha256 HEX (of the same epoch, from its blocks). What you asked, and when you got it: --epoch ID,
// --block-size N, --sources LIST, --at TIME. Exits with 0 where the answer is verified, with 1 where something is not as an
// honest service answers, with 2 where it could not be checked, and with 9 where nothing is wrong, but nobody vouches for
// what is marked ??.

import { readFileSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const ALGORITHM = 'resi-rotation-v1';
const MAX_BATCHES = 50;
const MAX_BLOCK_SIZE = 50;
const CLOCK_TOLERANCE = 5; // seconds
const LARGEST_FILE = 32 * 1024 * 1024;
const SOURCES = ['ZILLOW_SOLD', 'ZILLOW', 'REDFIN', 'REALTOR_COM', 'HOMES_COM'];
const CONFIG = { overlap_factor: 2, miners_per_batch: 10, expected_properties_per_zipcode: 50, assignment_timeout_hours: 4 };

/** Something is not as an honest service answers. */
export class NotVerified extends Error {}

/** Text of others: no control characters, and not much of it. */
function shown(value) {
    const text = String(typeof value === 'string' ? value : JSON.stringify(value));
    const escaped = text.slice(0, 64).replace(/[^ -~]/g, (other) => `\\u{${other.codePointAt(0).toString(16)}}`);
    return text.length > 64 ? `${escaped}…` : escaped;
}

function demand(holds, words) {
    if (!holds) throw new NotVerified(words);
}

function same(what, answered, expected) {
    demand(answered === expected, `${what} is ${shown(answered)} in the answer, and ${expected} was expected`);
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (pattern) => (value) => typeof value === 'string' && pattern.test(value);
const isCount = (most) => (value) => Number.isInteger(value) && value >= 0 && value <= most;
const isHash = isText(/^[0-9a-f]{64}$/);
const isZipcodes = (value) => Array.isArray(value) && value.every(isText(/^[0-9]{5}$/));

/** A field of an answer, once it has the form that it must have. */
function field(object, name, is) {
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    demand(value !== undefined, `${name} is missing`);
    demand(is(value), `${name} is ${shown(value)}, which no answer of the service has`);
    return value;
}

function optional(object, name, is) {
    return Object.hasOwn(object, name) ? field(object, name, is) : undefined;
}

const bytes = (text) => new TextEncoder().encode(text);
const fromHex = (hex) => Uint8Array.from(Buffer.from(hex.replace(/^0x/, ''), 'hex'));
const toHex = (data) => Buffer.from(data).toString('hex');
/** Seconds since 1970 as the service writes them. */
const time = (seconds) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
const epochId = (seconds) => time(seconds).replaceAll(':', '-').replace('Z', '');

/** What is checked with the packages. */
export async function cryptography() {
    const [{ sha256 }, { shake256 }, sr25519, { ristretto255 }] = await Promise.all([
        import('@noble/hashes/sha2.js'),
        import('@noble/hashes/sha3.js'),
        import('@scure/sr25519'),
        import('@noble/curves/ed25519.js'),
    ]);
    // The package's own `verify` knows one signing context only. The lock file pins what it calls `__tests`.
    const { SigningContext } = sr25519.__tests;
    const Point = ristretto255.Point;

    /** Whether `signature`, 64 bytes, is of `key` over `message` under the signing context: a Schnorr signature. */
    function isSigned(context, message, signature, key) {
        if (!(signature[63] & 128)) return false;
        const scalar = signature.slice(32);
        scalar[31] &= 127;
        const s = scalar.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
        const [R, A] = [Point.fromBytes(signature.subarray(0, 32)), Point.fromBytes(key)];
        if (s >= Point.Fn.ORDER || A.equals(Point.ZERO)) return false;
        const transcript = new SigningContext('SigningContext');
        transcript.label(bytes(context));
        transcript.bytes(bytes(message));
        transcript.protoName('Schnorr-sig');
        transcript.commitPoint('sign:pk', A);
        transcript.commitPoint('sign:R', R);
        const k = transcript.challengeScalar('sign:c');
        const sB = s === 0n ? Point.ZERO : Point.BASE.multiply(s);
        return sB.equals(R.add(A.multiply(k)));
    }
    const isVrf = (message, signature, key) => sr25519.vrf.verify(bytes(message), signature, key, bytes(ALGORITHM));
    /** Bytes that are no points or scalars are no signature either. */
    const holds = (check) => (...values) => {
        try {
            return check(...values) === true;
        } catch {
            return false;
        }
    };
    return { sha256: (data) => sha256(data), shake256, isSigned: holds(isSigned), isVrf: holds(isVrf) };
}

/** The first `count` zipcodes of the permutation that the pre-output of a VRF signature gives. */
function deal({ sha256, shake256 }, pool, preOutput, count) {
    const seed = sha256(Buffer.concat([bytes(`${ALGORITHM}:seed`), preOutput]));
    // Draws are thrown away once in 2^51 or so: twice as many as there are swaps are enough.
    const stream = Buffer.from(shake256(seed, { dkLen: 16 * pool.length }));
    let at = 0;
    const below = (bound) => {
        const largest = 2n ** 64n - 1n - (2n ** 64n % bound);
        for (;;) {
            const draw = stream.readBigUInt64LE(at);
            at += 8;
            if (draw <= largest) return Number(draw % bound);
        }
    };
    const shuffled = [...pool];
    for (let i = pool.length - 1; i > 0; i -= 1) {
        const j = below(BigInt(i + 1));
        [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
    }
    return shuffled.slice(0, count);
}

/** The rotation of an answer, each value of the right form. */
function readRotation(answer) {
    const rotation = field(answer, 'rotation', isObject);
    same('algorithm', field(rotation, 'algorithm', isText(/^/)), ALGORITHM);
    return {
        public_key: field(rotation, 'public_key', isText(/^0x[0-9a-f]{64}$/)),
        netuid: field(rotation, 'netuid', isCount(65535)),
        epoch_seconds: field(rotation, 'epoch_seconds', isCount(2 ** 32 - 1)),
        pool_size: field(rotation, 'pool_size', isCount(2 ** 32 - 1)),
        pool_sha256: field(rotation, 'pool_sha256', isHash),
        zipcodes_per_epoch: field(rotation, 'zipcodes_per_epoch', isCount(2 ** 32 - 1)),
        honeypots_sha256: optional(rotation, 'honeypots_sha256', isHash),
        signature: optional(rotation, 'signature', isText(/^0x[0-9a-f]{192}$/)),
    };
}

/** Which epoch it is: its name, number and bounds agree. */
function checkEpoch(answer, epochSeconds, asked) {
    const epoch = field(answer, 'epoch', isObject);
    const index = field(epoch, 'index', isCount(Number.MAX_SAFE_INTEGER));
    const starts = index * epochSeconds;
    demand(epochSeconds > 0 && starts + epochSeconds < 253402300800, 'the epoch is of no time that there is');
    same('epoch.id', epoch.id, epochId(starts));
    same('epoch.starts_at', epoch.starts_at, time(starts));
    same('epoch.ends_at', epoch.ends_at, time(starts + epochSeconds));
    if (asked.epoch !== undefined) same('epoch.id', epoch.id, asked.epoch);
    return { id: epoch.id, index, starts, ends: starts + epochSeconds };
}

/** Everything about the deal itself: key, parameters, pool, epoch, proof. */
function checkDeal(crypto, answer, pool, known, asked) {
    const rotation = readRotation(answer);
    const vouchers = [];
    for (const name of ['public_key', 'netuid', 'epoch_seconds', 'pool_sha256', 'zipcodes_per_epoch']) {
        if (known[name] !== undefined) same(name, rotation[name], known[name]);
        vouchers.push([name, known[name] === undefined ? 'first contact' : 'pinned', rotation[name]]);
    }
    if (known.honeypots_sha256 !== undefined) same('honeypots_sha256', rotation.honeypots_sha256, known.honeypots_sha256);
    demand(isZipcodes(pool) && pool.length > 0, 'the pool is no list of zipcodes');
    same('pool_sha256', rotation.pool_sha256, toHex(crypto.sha256(bytes(pool.join('\n')))));
    same('pool_size', rotation.pool_size, pool.length);
    demand(new Set(pool).size === pool.length, 'the pool has a zipcode twice');
    const count = rotation.zipcodes_per_epoch;
    demand(count >= 1 && count <= pool.length, `zipcodes_per_epoch is ${count}, of a pool of ${pool.length}`);
    const epoch = checkEpoch(answer, rotation.epoch_seconds, asked);
    demand(rotation.signature !== undefined, 'the answer shows no signature yet: the epoch has not ended');
    const signature = fromHex(rotation.signature);
    const { netuid, epoch_seconds, pool_sha256, public_key } = rotation;
    const message = `${ALGORITHM}:${netuid}:${epoch_seconds}:${epoch.index}:${pool_sha256}:${count}`;
    const isProved = crypto.isVrf(message, signature, fromHex(public_key));
    demand(isProved, `the VRF signature is not of key ${public_key} over this epoch and these parameters`);
    return { rotation, epoch, vouchers, dealt: deal(crypto, pool, signature.subarray(0, 32), count) };
}

/** The signature of the record, where there is one. Hands back what vouches for the record. */
function checkRecord(crypto, answer, { rotation, epoch }, prev) {
    const signature = optional(answer, 'record_signature', isText(/^0x[0-9a-f]{128}$/));
    if (signature === undefined) return 'nothing';
    const { netuid, epoch_seconds, pool_sha256, pool_size, zipcodes_per_epoch, public_key, honeypots_sha256 } = rotation;
    const decoys = honeypots_sha256 === undefined ? [] : [honeypots_sha256];
    const text = [
        'resi-epoch-record-v1', netuid, epoch_seconds, epoch.index, pool_sha256, pool_size, zipcodes_per_epoch, public_key,
        prev ?? '-', ...decoys,
    ].join(':');
    const isSigned = crypto.isSigned('resi-record-v1', text, fromHex(signature), fromHex(public_key));
    demand(isSigned, `the signature of the record is not of key ${public_key}`);
    return 'signature of the record';
}

function compare(what, answered, expected) {
    const at = expected.findIndex((zipcode, position) => answered[position] !== zipcode);
    const of = (list) => shown(list[at] ?? 'none');
    demand(at < 0, `${what}: zipcode ${at + 1} is ${of(answered)}, the proof gives ${of(expected)}`);
    demand(answered.length === expected.length, `${what} has ${answered.length} zipcodes, the proof gives ${expected.length}`);
}

/** The names of sources, which an answer has in their order and each once. */
function sourcesOf(list) {
    const inOrder = Array.isArray(list) ? SOURCES.filter((source) => list.includes(source)) : [];
    const isList = inOrder.length > 0 && JSON.stringify(list) === JSON.stringify(inOrder);
    demand(isList, `${shown(list)} is no list of sources`);
    return inOrder.join(',');
}

function checkBatch(name, batch, expected, sources) {
    compare(name, field(batch, 'zipcodes', isZipcodes), expected);
    same(`${name}: sources`, sourcesOf(batch.sources), sources);
    same(`${name}: expected_properties`, batch.expected_properties, expected.length * CONFIG.expected_properties_per_zipcode);
    same(`${name}: assignment_groups`, batch.assignment_groups, CONFIG.overlap_factor);
    same(`${name}: miners_per_group`, batch.miners_per_group, CONFIG.miners_per_batch);
    const places = field(batch, 'geographic_info', isObject);
    same(`${name}: the number of size_ranks`, field(places, 'size_ranks', Array.isArray).length, expected.length);
}

function checkBlocks(crypto, answer, pool, known, asked) {
    const checked = checkDeal(crypto, answer, pool, known, asked);
    const { epoch, dealt, vouchers } = checked;
    if (asked.at !== undefined) {
        const isRunning = epoch.starts <= asked.at + CLOCK_TOLERANCE && asked.at - CLOCK_TOLERANCE < epoch.ends;
        demand(isRunning, `epoch ${epoch.id} was not running at ${time(asked.at)}`);
    }
    same('generated_at', answer.generated_at, time(epoch.starts));
    same('expires_at', answer.expires_at, time(epoch.ends));
    const config = field(answer, 'assignment_config', isObject);
    for (const [name, expected] of Object.entries(CONFIG)) same(name, config[name], expected);

    const blocks = field(answer, 'data_blocks', (value) => isObject(value) && Object.values(value).every(isObject));
    const first = field(blocks, 'batch_001', isObject);
    const ownSize = field(first, 'zipcodes', isZipcodes).length;
    const size = Math.min(Math.max(asked.block_size ?? ownSize, 1), MAX_BLOCK_SIZE);
    const sources = asked.sources ?? sourcesOf(first.sources);
    const batches = [];
    for (let at = 0; at < dealt.length && batches.length < MAX_BATCHES; at += size) batches.push(dealt.slice(at, at + size));
    const names = batches.map((_, at) => `batch_${String(at + 1).padStart(3, '0')}`);
    batches.forEach((expected, at) => checkBatch(names[at], field(blocks, names[at], isObject), expected, sources));
    const surplus = Object.keys(blocks).find((name) => !names.includes(name));
    demand(surplus === undefined, `${shown(surplus)} is one batch too many: the proof gives ${batches.length}`);
    const zipcodes = batches.flat();
    same('total_batches', answer.total_batches, batches.length);
    same('total_zipcodes', answer.total_zipcodes, zipcodes.length);
    // Of one batch that is not full nobody can tell how large it may be, unless it was asked for.
    const largest = asked.block_size === undefined && batches.length === 1 ? MAX_BLOCK_SIZE : size;
    checkRequestId(crypto, answer.request_id, epoch, sources, [size, largest], zipcodes);

    const clock = asked.at !== undefined ? 'the clock' : asked.epoch !== undefined ? 'asked for' : 'nothing';
    vouchers.push(['epoch', clock, epoch.id]);
    vouchers.push(['block_size', asked.block_size === undefined ? 'nothing' : 'asked for', size]);
    vouchers.push(['sources', asked.sources === undefined ? 'not covered' : 'asked for', sources]);
    vouchers.push(['zipcodes', 'recomputed', `all ${zipcodes.length} in ${batches.length} batches, in order`]);
    vouchers.push(['record', checkRecord(crypto, answer, checked, undefined)]);
    vouchers.push(['geographic_info', 'not covered']);
    return vouchers;
}

function checkRequestId({ sha256 }, answered, epoch, sources, [smallest, largest], zipcodes) {
    const [day, clock] = epochId(epoch.starts).split('T');
    const start = `${day.replaceAll('-', '')}_${clock.slice(0, 2)}${clock.slice(3, 5)}`;
    const ids = [];
    for (let size = smallest; size <= largest; size += 1) {
        const digest = toHex(sha256(bytes([sources, size, ...zipcodes].join('\n')))).slice(0, 8);
        ids.push(`zipcode_block_${start}_${digest}`);
    }
    demand(ids.includes(answered), `request_id is ${shown(answered)} in the answer, and ${ids[0]} was expected`);
}

function checkPublicEpoch(crypto, answer, pool, known, asked) {
    const checked = checkDeal(crypto, answer, pool, known, asked);
    const { epoch, dealt, rotation, vouchers } = checked;
    const state = field(answer, 'state', (value) => value === 'running' || value === 'ended');
    if (asked.at !== undefined) {
        demand(epoch.starts <= asked.at + CLOCK_TOLERANCE, `epoch ${epoch.id} had not begun at ${time(asked.at)}`);
        const isPossible = state === 'running' ? asked.at - CLOCK_TOLERANCE < epoch.ends : epoch.ends <= asked.at + CLOCK_TOLERANCE;
        demand(isPossible, `the answer says that the epoch is ${state}, which it was not at ${time(asked.at)}`);
    }
    if (answer.revealed_at !== time(epoch.starts)) {
        same('revealed_at', answer.revealed_at, time(state === 'running' ? epoch.starts : epoch.ends));
    }
    compare('the list of zipcodes', field(answer, 'zipcodes', isZipcodes), dealt);
    const prev = optional(answer, 'prev_sha256', isHash);
    const record = checkRecord(crypto, answer, checked, prev);
    const decoys = checkHoneypots(crypto, answer, rotation, dealt, state);

    vouchers.push(['epoch', asked.epoch === undefined ? 'recomputed' : 'asked for', epoch.id]);
    vouchers.push(['state', asked.at === undefined ? 'nothing' : 'the clock', state]);
    vouchers.push(['zipcodes', 'recomputed', `all ${dealt.length}, in order`]);
    vouchers.push(['record', record]);
    vouchers.push(['prev_sha256', prev === undefined ? 'not covered' : record, prev]);
    if (decoys) {
        const voucher = known.honeypots_sha256 === undefined ? record : 'pinned';
        vouchers.push(['honeypots', voucher, `${decoys.length} of the zipcodes were decoys`]);
    }
    vouchers.push(['revealed_at', 'not covered']);
    return vouchers;
}

/** The decoys of an ended epoch, which must be those whose hash it shows. */
function checkHoneypots({ sha256 }, answer, { honeypots_sha256 }, dealt, state) {
    const honeypots = optional(answer, 'honeypots', isObject);
    if (honeypots === undefined) {
        demand(state === 'running' || honeypots_sha256 === undefined, 'the answer does not show the decoys of an ended epoch');
        return undefined;
    }
    demand(state === 'ended', 'the decoys are shown before the epoch has ended');
    const [salt, zipcodes] = [field(honeypots, 'salt', isHash), field(honeypots, 'zipcodes', isZipcodes)];
    const hash = toHex(sha256(bytes(`resi-honeypots-v1:${salt}:${zipcodes.join(',')}`)));
    demand(hash === honeypots_sha256, `the decoys hash to ${hash}, and ${honeypots_sha256 ?? 'nothing'} was committed to`);
    let at = -1;
    for (const zipcode of zipcodes) {
        at = dealt.indexOf(zipcode, at + 1);
        demand(at >= 0, `the decoy ${zipcode} was not dealt, or not there`);
    }
    return zipcodes;
}

let loaded;

/**
 * What vouches for each part of an answer, as [part, voucher, value]: `pinned`, `first contact`, `asked for`, `the clock`,
 * `recomputed`, `signature of the record`, `nothing` (though something could), `not covered` (nothing can).
 *
 * `pool` is the list of its zipcodes, `known` and `asked` have the options of the command with underscores; `at` is in
 * seconds since 1970. Throws `NotVerified` at the first thing that is not as an honest service answers.
 */
export async function verify(answer, pool, known = {}, asked = {}) {
    loaded ??= await cryptography();
    demand(isObject(answer), 'this is no answer of the service');
    if ('error_code' in answer) throw new NotVerified(`the service answered with the error ${shown(answer.error_code)}`);
    const check = Object.hasOwn(answer, 'data_blocks') ? checkBlocks : checkPublicEpoch;
    return check(loaded, answer, pool, known, asked);
}

const isOpen = (voucher) => voucher === 'nothing' || voucher === 'first contact';
const hasOpen = (vouchers) => vouchers.some(([, voucher]) => isOpen(voucher));

/** A line for each part, and what follows from them all. */
export function words(vouchers) {
    const mark = (voucher) => (isOpen(voucher) ? '??' : voucher === 'not covered' ? '--' : 'ok');
    const lines = vouchers.map(([part, voucher, value]) => {
        const said = value === undefined ? part : `${part} ${value}`;
        return `${mark(voucher)}   ${said}: ${voucher}`;
    });
    const verdict = hasOpen(vouchers)
        ? 'Not verified in full: nothing here is wrong, but nobody vouches for what is marked ??.'
        : 'Verified: nobody picked these zipcodes, given that key and parameters were fixed before the epoch.';
    return `${lines.join('\n')}\n\n${verdict}\n`;
}

class Usage extends Error {}

function options(values) {
    const number = (name) => {
        const text = values[name];
        if (text !== undefined && !/^[0-9]{1,10}$/.test(text)) throw new Usage(`--${name} takes a number`);
        return text === undefined ? undefined : Number(text);
    };
    const hex = (name, prefix) => {
        const digits = values[name]?.toLowerCase().replace(/^0x/, '');
        if (digits !== undefined && !isHash(digits)) throw new Usage(`--${name} takes 64 hex digits`);
        return digits === undefined ? undefined : prefix + digits;
    };
    const at = values.at === undefined ? undefined : Date.parse(values.at) / 1000;
    if (Number.isNaN(at)) throw new Usage('--at takes a time such as 2025-01-15T10:30:00Z');
    const sources = values.sources?.toUpperCase().split(',').map((source) => source.trim());
    if (sources?.some((source) => !SOURCES.includes(source))) throw new Usage(`--sources takes some of ${SOURCES}`);
    // Sold homes are part of everything on Zillow.
    if (sources?.includes('ZILLOW')) sources.push('ZILLOW_SOLD');
    const known = {
        public_key: hex('public-key', '0x'),
        netuid: number('netuid'),
        epoch_seconds: number('epoch-seconds'),
        pool_sha256: hex('pool-sha256', ''),
        zipcodes_per_epoch: number('zipcodes-per-epoch'),
        honeypots_sha256: hex('honeypots-sha256', ''),
    };
    const inOrder = sources && SOURCES.filter((source) => sources.includes(source)).join(',');
    return [known, { epoch: values.epoch, block_size: number('block-size'), sources: inOrder, at }];
}

function readJson(path) {
    if (statSync(path).size > LARGEST_FILE) throw new NotVerified(`${path} is larger than any answer`);
    try {
        return JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
    } catch (error) {
        if (error instanceof SyntaxError) throw new NotVerified(`${path} is not JSON`);
        throw error;
    }
}

async function main() {
    const names = ['public-key', 'netuid', 'epoch-seconds', 'pool-sha256', 'zipcodes-per-epoch', 'honeypots-sha256', 'epoch',
        'block-size', 'sources', 'at'];
    try {
        const { values, positionals } = parseArgs({
            allowPositionals: true,
            options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
        });
        if (positionals.length !== 2) throw new Usage('usage: verify-deal.mjs ANSWER POOL [OPTION...], see its head');
        const [known, asked] = options(values);
        const [answer, pool] = positionals.map(readJson);
        const vouchers = await verify(answer, pool?.zipcodes, known, asked);
        process.stdout.write(words(vouchers));
        process.exitCode = hasOpen(vouchers) ? 9 : 0;
    } catch (error) {
        if (error instanceof NotVerified) {
            console.error(`not verified: ${error.message}`);
            process.exitCode = 1;
            return;
        }
        const isMissing = error.code === 'ERR_MODULE_NOT_FOUND';
        console.error(isMissing ? 'the packages are missing: npm ci --prefix scripts' : `verify-deal.mjs: ${error.message}`);
        process.exitCode = 2;
    }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
