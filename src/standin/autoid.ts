/**
 * The server half of auto-id version 1, with the answers of the published reference behind its API gateway: 201, 404 when
 * the hash is wrong, 502 for everything that made it throw. It shares no code with Vigil's own protocol layer on
 * purpose, so that it is an independent check of the client.
 */
import { constants, createCipheriv, createDecipheriv, createHash, privateDecrypt, randomBytes } from 'node:crypto';
import type { Answer, Handler } from './http.ts';
import { findSecret } from './secretsmanager.ts';
import type { World } from './world.ts';

const LINE = 2048;
const LEAST_OFFSETS = 128;

class Refused extends Error {}

function fromHexBase64(value: unknown): Buffer {
  if (typeof value !== 'string' || !/^([0-9a-f]{2})+$/i.test(value)) throw new Refused('not hexadecimal');
  return Buffer.from(Buffer.from(value, 'hex').toString('latin1'), 'base64');
}

function decrypt(key: Buffer, sealed: Buffer): string {
  const decipher = createDecipheriv('aes-256-cbc', key, sealed.subarray(0, 16));
  return Buffer.concat([decipher.update(sealed.subarray(16)), decipher.final()]).toString('utf8');
}

function encrypt(key: Buffer, text: string): string {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const sealed = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.from(sealed.toString('base64'), 'latin1').toString('hex');
}

interface Interval {
  readonly from: number;
  readonly to: number;
}

/** `first,second,line|…` as slices of the text; the two bounds may come in either order. */
function parseIntervals(intervals: string): Interval[] {
  return intervals.split('|').map((part) => {
    const numbers = part.split(',').map((n) => (/^\d{1,6}$/.test(n) ? Number(n) : NaN));
    const [first = NaN, second = NaN, line = NaN] = numbers;
    if (numbers.length !== 3 || numbers.some(Number.isNaN)) throw new Refused('malformed intervals');
    return { from: Math.min(first, second) + LINE * line, to: Math.max(first, second) + LINE * line };
  });
}

/** A proof worth having: four in-range intervals that cover at least 128 distinct offsets of the file. */
function isStrong(intervals: readonly Interval[], length: number): boolean {
  if (intervals.length !== 4) return false;
  if (intervals.some(({ from, to }) => from === to || to - from >= LINE || to > length)) return false;
  const ends = [...intervals].sort((a, b) => a.from - b.from);
  let covered = 0;
  let reached = 0;
  for (const { from, to } of ends) {
    covered += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return covered >= LEAST_OFFSETS;
}

/** `store,id[,version[,stage]]`; as in the reference a version makes the stage irrelevant. */
function readSecret(world: World, source: unknown): { value: string; name: string } {
  const [store, name, version, stage] = typeof source === 'string' ? source.split(',') : [];
  if (store === undefined || name === undefined) throw new Refused('malformed credential source');
  const found = findSecret(world, name, version, version === undefined ? stage : undefined);
  if (found === undefined) throw new Refused('no such secret');
  return { value: found.value, name };
}

function verify(world: World, body: string): Answer {
  const action = 'verify';
  const headers = { 'content-type': 'application/json' };
  const envelope = JSON.parse(body) as { data?: unknown; payload?: unknown };
  const keyText = privateDecrypt(
    { key: world.keys.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
    fromHexBase64(envelope.data),
  );
  if (!/^[A-Za-z0-9]{16}$/.test(keyText.toString('latin1'))) throw new Refused('the key is not 16 letters and digits');
  const key = createHash('sha256').update(keyText).digest();
  const request = JSON.parse(decrypt(key, fromHexBase64(envelope.payload))) as Record<string, unknown>;
  if (typeof request['intervals'] !== 'string') throw new Refused('no intervals');
  const intervals = parseIntervals(request['intervals']);
  const text = world.keys.entropy;
  const hash = createHash('sha256')
    .update(intervals.map(({ from, to }) => text.slice(from, to)).join(''))
    .digest('hex');
  const strong = !world.strictProofs || isStrong(intervals, text.length);
  if (hash !== request['hashval'] || !strong) {
    return {
      status: 404,
      action,
      headers,
      body: JSON.stringify({ message: 'not found' }),
      detail: strong ? 'wrong hash' : 'weak proof',
    };
  }
  const secret = readSecret(world, request['credential_source']);
  return {
    status: 201,
    action,
    headers,
    body: JSON.stringify({ message: encrypt(key, secret.value) }),
    detail: secret.name,
  };
}

export function autoidHandler(world: World): Handler {
  return (request) => {
    const headers = { 'content-type': 'application/json' };
    if (request.method !== 'POST' || (request.path !== '/Stage/verify' && request.path !== '/verify')) {
      return { status: 403, action: 'unknown', headers, body: '{"message":"Missing Authentication Token"}' };
    }
    try {
      return verify(world, request.body.toString('utf8'));
    } catch (error) {
      const detail = error instanceof Refused ? error.message : 'unreadable request';
      return { status: 502, action: 'verify', headers, body: '{"message":"Internal server error"}', detail };
    }
  };
}
