// Called by test-proofs.sh: SERVICE SIGN_ACCESS_REQUEST. SERVICE deals epochs of a few seconds, with decoys, by the rotation
// key of KEY. Ends with 'N passed, N failed'.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ristretto255 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import * as sr25519 from '@scure/sr25519';

import { NotVerified, cryptography, verify, words } from './verify-deal.mjs';

const [service, signAccessRequest] = process.argv.slice(2);
const KEY = new Uint8Array(32).fill(42);
let passed = 0;
let failed = 0;

function check(what, isRight, detail = '', isOneOfMany = false) {
    if (isRight) passed += 1;
    else failed += 1;
    if (!isRight || !isOneOfMany) console.log(isRight ? `ok   ${what}` : `FAIL ${what}: ${detail}`);
}

const hex = (data) => Buffer.from(data).toString('hex');
const bytes = (text) => new TextEncoder().encode(text);
const copy = (answer, change = () => {}) => {
    const changed = structuredClone(answer);
    change(changed);
    return changed;
};

async function get(path, token) {
    const answer = await fetch(service + path, { headers: token ? { authorization: `Bearer ${token}` } : {} });
    return answer.json();
}

/** A Schnorr signature by the mini secret under a signing context, with a nonce of no secrecy: for tests. */
function sign(miniSecret, context, text) {
    const { Point } = ristretto255;
    const secret = sr25519.secretFromSeed(miniSecret);
    const scalar = Buffer.from(secret.subarray(0, 32)).reverse();
    const x = BigInt(`0x${hex(scalar)}`) >> 3n;
    const r = BigInt(`0x${hex(sha256(bytes(text)))}`) % Point.Fn.ORDER;
    const R = Point.BASE.multiply(r);
    const transcript = new sr25519.__tests.SigningContext('SigningContext');
    transcript.label(bytes(context));
    transcript.bytes(bytes(text));
    transcript.protoName('Schnorr-sig');
    transcript.commitPoint('sign:pk', Point.fromBytes(sr25519.getPublicKey(secret)));
    transcript.commitPoint('sign:R', R);
    const k = transcript.challengeScalar('sign:c');
    const s = Buffer.from(((k * x + r) % Point.Fn.ORDER).toString(16).padStart(64, '0'), 'hex').reverse();
    s[31] |= 128;
    return `0x${hex(R.toBytes())}${hex(s)}`;
}

function signRecord(answer, miniSecret = KEY) {
    const { netuid, epoch_seconds, pool_sha256, pool_size, zipcodes_per_epoch, public_key, honeypots_sha256 } = answer.rotation;
    const parts = ['resi-epoch-record-v1', netuid, epoch_seconds, answer.epoch.index, pool_sha256, pool_size,
        zipcodes_per_epoch, public_key, answer.prev_sha256 ?? '-'];
    if (honeypots_sha256) parts.push(honeypots_sha256);
    answer.record_signature = sign(miniSecret, 'resi-record-v1', parts.join(':'));
    return answer;
}

/** As if the service had another key, and the seed gave the same zipcodes: the proof holds, the zipcodes do not. */
function proveAnew(answer, miniSecret) {
    const secret = sr25519.secretFromSeed(miniSecret);
    const rotation = answer.rotation;
    rotation.public_key = `0x${hex(sr25519.getPublicKey(secret))}`;
    const { netuid, epoch_seconds, pool_sha256, zipcodes_per_epoch } = rotation;
    const parts = ['resi-rotation-v1', netuid, epoch_seconds, answer.epoch.index, pool_sha256, zipcodes_per_epoch];
    const proof = sr25519.vrf.sign(bytes(parts.join(':')), secret, bytes(parts[0]), new Uint8Array(), new Uint8Array(32));
    rotation.signature = `0x${hex(proof)}`;
    return answer;
}

async function outcome(answer, pool, known, asked) {
    try {
        return { vouchers: await verify(answer, pool, known, asked) };
    } catch (error) {
        if (!(error instanceof NotVerified)) throw error;
        return { error: error.message };
    }
}

const openParts = (vouchers) => vouchers.filter(([, by]) => by === 'nothing' || by === 'first contact').map(([part]) => part);

/** Each change of a value and of all in it: [path, the whole with the change]. */
function* changes(value, path = []) {
    for (const other of others(value)) yield [path, other];
    const within = Array.isArray(value) ? [...new Set([0, value.length - 1])].filter((at) => at >= 0)
        : typeof value === 'object' && value !== null ? Object.keys(value) : [];
    // What holds for the first and the last of the batches holds for all.
    const names = path.at(-1) === 'data_blocks' ? [within[0], within.at(-1)] : within;
    for (const name of names) {
        for (const [inner, changed] of changes(value[name], [...path, name])) {
            const whole = structuredClone(value);
            whole[name] = changed;
            yield [inner, whole];
        }
    }
}

function others(value) {
    const found = [null, true, 0, '', {}, []];
    if (typeof value === 'number') found.push(value + 1, value - 1, value + 0.5, String(value), 2 ** 64);
    if (typeof value === 'string') {
        const last = value.at(-1) === '0' ? '1' : '0';
        found.push(value.slice(0, -1), value.slice(0, -1) + last, `${value}0`, `\u001b[2J${value}`, 'running', '10007', 'x'.repeat(9000));
    }
    if (Array.isArray(value)) found.push([...value].reverse(), [...value, ...value], value.slice(1), value.slice(0, -1));
    else if (typeof value === 'object' && value !== null) {
        for (const name of Object.keys(value)) {
            const { [name]: taken, ...rest } = value;
            found.push(rest, { ...rest, [`${name}_`]: taken });
        }
    }
    return found.filter((other) => JSON.stringify(other) !== JSON.stringify(value));
}

/** Walks all changes: each is refused in words fit to be shown, or is of a part that nothing vouches for. */
async function walk(what, honest, pool, known, asked) {
    let walked = 0;
    for (const [path, changed] of changes(honest)) {
        walked += 1;
        const { error, vouchers } = await outcome(changed, pool, known, asked);
        const where = `${what}: ${path.join('.')} as ${JSON.stringify(path.reduce((at, name) => at?.[name], changed))?.slice(0, 60)}`;
        if (error !== undefined) {
            check(where, error.length < 500 && /^[ -~…]*$/.test(error), error, true);
            continue;
        }
        // It passes: the part that was changed must be said to be open or not covered, or be nothing that is looked at.
        const covered = (name) => !vouchers.some(([part, by]) => part === name && ['nothing', 'not covered'].includes(by));
        const differing = differences(honest, changed);
        const isFree = (name) => (name === 'record_signature' && !covered('record'))
            || (name === 'geographic_info' && !covered('geographic_info')) || (name === 'revealed_at' && !covered('revealed_at'))
            || name.endsWith('_');
        check(where, differing.length > 0 && differing.every(isFree), `${differing} differ, and it verifies`, true);
    }
    return walked;
}

/** The names of the innermost named values in which two answers differ. */
function differences(one, other, name = '') {
    const isFields = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isFields(one) && isFields(other) && name !== 'geographic_info') {
        const names = new Set([...Object.keys(one), ...Object.keys(other)]);
        return [...names].flatMap((within) => differences(one[within], other[within], within));
    }
    return JSON.stringify(one) === JSON.stringify(other) ? [] : [name];
}

// What the service answers.
const body = execFileSync(signAccessRequest, ['//Alice', 'ZILLOW_SOLD'], { encoding: 'utf8' });
const granted = await fetch(`${service}/get-validator-access`, { method: 'POST', body });
const { access_token: token } = await granted.json();
const blocks = await get('/api/v1/validator-data?block_size=20', token);
const { sha256: _, zipcodes: pool } = await get(`/api/v1/pools/${blocks.rotation.pool_sha256}`);
let epoch = {};
while (!epoch.honeypots) {
    epoch = await get(`/api/v1/epochs/${blocks.epoch.id}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
}
const starts = Date.parse(blocks.epoch.starts_at) / 1000;
const pinned = {
    public_key: `0x${hex(sr25519.getPublicKey(sr25519.secretFromSeed(KEY)))}`,
    netuid: 46,
    epoch_seconds: blocks.rotation.epoch_seconds,
    pool_sha256: hex(sha256(bytes(pool.join('\n')))),
    zipcodes_per_epoch: 300,
};
const askedBlocks = { block_size: 20, sources: 'ZILLOW_SOLD', at: starts + 1 };
const askedEpoch = { epoch: blocks.epoch.id, at: Date.now() / 1000 };
const signed = signRecord(copy(blocks));
const signedEpoch = signRecord(copy(epoch));

for (const [what, answer, asked] of [['blocks', blocks, askedBlocks], ['a public epoch', epoch, askedEpoch]]) {
    const isSigned = 'record_signature' in answer;
    const { error, vouchers } = await outcome(answer, pool, pinned, asked);
    const open = vouchers && openParts(vouchers).filter((part) => !['record', 'prev_sha256', 'honeypots'].includes(part));
    check(`${what}, as the service answers, verify`, vouchers && open.length === 0, error ?? open);
    const isVouched = vouchers?.some(([part, by]) => part === 'record' && by === (isSigned ? 'signature of the record' : 'nothing'));
    check(`${what}: it is said what vouches for the record`, isVouched, JSON.stringify(vouchers));
}
for (const [what, answer, asked] of [['blocks', signed, askedBlocks], ['a public epoch', signedEpoch, askedEpoch]]) {
    const { error, vouchers } = await outcome(answer, pool, pinned, asked);
    check(`${what} with a signed record leave nothing open`, vouchers && openParts(vouchers).length === 0, error ?? vouchers);
    check(`${what}: they are called verified`, vouchers && /\nVerified: nobody picked/.test(words(vouchers)), error);
    const bare = await outcome(answer, pool);
    const open = bare.vouchers && openParts(bare.vouchers);
    check(`${what}: what was not known is open`, open?.includes('public_key') && open.includes('netuid'), bare.error ?? open);
    check(`${what}: then they are not called verified`, bare.vouchers && !/\nVerified:/.test(words(bare.vouchers)), bare.error);
}

// A record that schnorrkel signed, from the vectors of resi-protocol.
const keyOfVector = '6023d052711f478bc758918bdd26e24ac5d773629fc902dfb09de2588ba4ab08';
const record = 'resi-epoch-record-v1:46:14400:120620:b79462aa76c2d82e6c9dfa2aff9ab90323168639da9196e5249d08aa7801a977:7572:1000:'
    + `0x${keyOfVector}:64b687d02f7e8c1a54713705d5d14191d65f8d57d07fc47badc428348e5a40c8`;
const ofVector = 'ec4adc03587edc860810639d1451b747ca33dc1d8dc24aa8d217d9e0c5cf147f'
    + 'ca58971b6f7f0663c81744a537d130df0e24a4e120a827b713b31faa1d317687';
const { isSigned } = await cryptography();
const verifies = (context, text) => isSigned(context, text, Buffer.from(ofVector, 'hex'), Buffer.from(keyOfVector, 'hex'));
check('a record that schnorrkel signed verifies', verifies('resi-record-v1', record));
check('and not under another context', !verifies('substrate', record));
check('nor over another text', !verifies('resi-record-v1', `${record}0`));

// What forgers try: each fails for whoever knows and asks, and where it passes otherwise, that is said.
const recut = copy(signed, (answer) => {
    const zipcodes = Object.values(answer.data_blocks).flatMap((batch) => batch.zipcodes).slice(0, 50);
    const [first] = Object.values(answer.data_blocks);
    answer.data_blocks = Object.fromEntries(zipcodes.map((zipcode, at) => [`batch_${String(at + 1).padStart(3, '0')}`, {
        ...first, zipcodes: [zipcode], expected_properties: 50, geographic_info: { ...first.geographic_info, size_ranks: [null] },
    }]));
    [answer.total_batches, answer.total_zipcodes] = [50, 50];
    const digest = hex(sha256(bytes(['ZILLOW_SOLD', 1, ...zipcodes].join('\n')))).slice(0, 8);
    answer.request_id = answer.request_id.replace(/[0-9a-f]{8}$/, digest);
});
const decoys = copy(signedEpoch, (answer) => {
    answer.honeypots = { salt: '08'.repeat(32), zipcodes: answer.zipcodes.slice(10, 13) };
    answer.rotation.honeypots_sha256 = hex(sha256(bytes(`resi-honeypots-v1:${answer.honeypots.salt}:${answer.honeypots.zipcodes}`)));
});
const unsigned = copy(decoys, (answer) => { delete answer.record_signature; });
const otherKey = new Uint8Array(32).fill(7);
for (const [what, answer, asked] of [
    ['another key deals', proveAnew(copy(signed), otherKey), askedBlocks],
    ['another key signs the record', signRecord(copy(signed), otherKey), askedBlocks],
    ['the record of another subnet', signRecord(copy(signed, (of) => { of.rotation.netuid = 47; })), askedBlocks],
    ['blocks are cut smaller than asked for', recut, askedBlocks],
    ['two batches change places', copy(signed, ({ data_blocks: of }) => { [of.batch_001, of.batch_002] = [of.batch_002, of.batch_001]; }), askedBlocks],
    ['a batch is left out', copy(signed, (of) => { delete of.data_blocks.batch_015; of.total_batches = 14; of.total_zipcodes = 280; }), askedBlocks],
    ['a batch is put in', copy(signed, (of) => { of.data_blocks.batch_016 = of.data_blocks.batch_001; }), askedBlocks],
    ['yesterday is served again', signed, { ...askedBlocks, at: starts + 86_400 }],
    ['another epoch is served', signedEpoch, { ...askedEpoch, epoch: '2025-01-15T08-00-00' }],
    ['other sources are served', signed, { ...askedBlocks, sources: 'REDFIN' }],
    ['an epoch that runs is said to be over', signedEpoch, { ...askedEpoch, at: starts - 10 }],
    ['decoys are made up', decoys, askedEpoch],
    ['decoys are kept back', copy(signedEpoch, (of) => { delete of.honeypots; }), askedEpoch],
    ['no proof is shown', copy(signed, (of) => { delete of.rotation.signature; }), askedBlocks],
    ['an error is served', { error_code: 'MISSING_TOKEN\u001b[2J', error: 'x' }, askedBlocks],
    ['a list is served', [], askedBlocks],
]) {
    const { error } = await outcome(answer, pool, pinned, asked);
    check(`refused where ${what}: ${error}`, error !== undefined && /^[ -~…]*$/.test(error), 'it verifies');
}
const cut = await outcome(recut, pool, pinned, { at: starts });
check('who did not say which size is told so', openParts(cut.vouchers ?? [])[0] === 'block_size', cut.error);
const made = await outcome(unsigned, pool, pinned, askedEpoch);
check('who sees no signature is told that of the decoys', openParts(made.vouchers ?? []).includes('honeypots'), made.error);
for (const [what, other] of [['in another order', [...pool].reverse()], ['short', pool.slice(1)], ['none', undefined]]) {
    check(`refused with a pool that is ${what}`, (await outcome(signed, other, pinned, askedBlocks)).error !== undefined);
}

console.log(`${await walk('blocks', signed, pool, pinned, askedBlocks)} changes of blocks`);
console.log(`${await walk('a public epoch', signedEpoch, pool, pinned, askedEpoch)} changes of a public epoch`);

// The command.
const folder = mkdtempSync(join(tmpdir(), 'resi-proofs-'));
const file = (name, content) => {
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
    return join(folder, name);
};
const poolFile = file('pool.json', { zipcodes: pool });
const command = (...parameters) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname ?? 'scripts', 'verify-deal.mjs'), ...parameters],
        { encoding: 'utf8' });
    return [status, stdout + stderr];
};
const flags = ['--public-key', pinned.public_key, '--netuid', '46', '--epoch-seconds', String(pinned.epoch_seconds),
    '--pool-sha256', pinned.pool_sha256, '--zipcodes-per-epoch', '300', '--at', blocks.epoch.starts_at];
for (const [what, status, expected, ...parameters] of [
    ['honest blocks', 0, /\nVerified: /, file('blocks', signed), poolFile, ...flags, '--block-size', '20', '--sources', 'zillow_sold'],
    ['honest blocks, pinned by nobody', 9, /\?\? {3}public_key .*first contact[^]*Not verified in full/, file('bare', `\uFEFF${JSON.stringify(signed)}`), poolFile],
    ['another key', 1, /^not verified: public_key is/, file('key', signed), poolFile, '--public-key', 'ab'.repeat(32)],
    ['a changed zipcode', 1, /batch_007: zipcode 4 is 00000/, file('changed', copy(signed, (of) => { of.data_blocks.batch_007.zipcodes[3] = '00000'; })), poolFile],
    ['no JSON', 1, /is not JSON/, file('none', '{'), poolFile],
    ['no file', 2, /ENOENT/, join(folder, 'missing'), poolFile],
    ['a wrong flag', 2, /--netuid takes a number/, file('flag', signed), poolFile, '--netuid', 'x'],
    ['an unknown flag', 2, /--frobnicate/, file('flag', signed), poolFile, '--frobnicate'],
    ['nothing', 2, /usage/],
]) {
    const [was, said] = command(...parameters);
    check(`the command exits with ${status} for ${what}`, was === status && expected.test(said), `${was}: ${said}`);
}
rmSync(folder, { recursive: true });

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
