import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toOpenSsh } from './autoid-keys.ts';
import type { KeySet } from './autoid-keys.ts';
import { smallKeys, startStage } from './testing/setup.ts';
import type { Stage } from './testing/setup.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

const INTERVALS = '100,900,3|1500,20,700|5,77,2000|2047,1,12';

function hashOf(keys: KeySet, intervals: string): string {
  const hash = createHash('sha256');
  for (const part of intervals.split('|')) {
    const [a = 0, b = 0, line = 0] = part.split(',').map(Number);
    hash.update(keys.entropy.slice(Math.min(a, b) + 2048 * line, Math.max(a, b) + 2048 * line));
  }
  return hash.digest('hex');
}

const hex = (bytes: Buffer): string => Buffer.from(bytes.toString('base64')).toString('hex');

function seal(keys: KeySet, plain: Record<string, unknown>, aesKey = 'Abcdefgh12345678'): Record<string, unknown> {
  const key = { key: createPublicKey(keys.privateKey), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', createHash('sha256').update(aesKey).digest(), iv);
  const payload = Buffer.concat([iv, cipher.update(JSON.stringify(plain)), cipher.final()]);
  return { data: hex(publicEncrypt(key, Buffer.from(aesKey))), payload: hex(payload) };
}

function open(message: string, aesKey = 'Abcdefgh12345678'): string {
  const sealed = Buffer.from(Buffer.from(message, 'hex').toString(), 'base64');
  const decipher = createDecipheriv(
    'aes-256-cbc',
    createHash('sha256').update(aesKey).digest(),
    sealed.subarray(0, 16),
  );
  return decipher.update(sealed.subarray(16), undefined, 'utf8') + decipher.final('utf8');
}

async function ask(to: Stage, body: unknown, path = '/Stage/verify'): Promise<{ status: number; message: string }> {
  const response = await fetch(to.urls.autoid + path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const { message } = (await response.json()) as { message: string };
  return { status: response.status, message };
}

function request(keys: KeySet, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const intervals = typeof changes['intervals'] === 'string' ? changes['intervals'] : INTERVALS;
  return seal(keys, {
    hashval: hashOf(keys, intervals),
    intervals,
    credential_source: 'secretsmanager,wall-dashboards',
    ...changes,
  });
}

const BROKEN = { status: 502, message: 'Internal server error' };
const NOT_FOUND = { status: 404, message: 'not found' };

describe('the auto-id endpoint', () => {
  it.each(['/Stage/verify', '/verify'])('gives the secret at %s', async (path) => {
    const answer = await ask(stage, request(stage.keys()), path);
    expect([answer.status, open(answer.message)]).toEqual([201, 'first']);
  });

  it('answers as an API gateway everywhere else', async () => {
    expect(await ask(stage, '{}', '/')).toEqual({ status: 403, message: 'Missing Authentication Token' });
    expect((await fetch(`${stage.urls.autoid}/Stage/verify`)).status).toBe(403);
  });

  it('answers 404 to a wrong hash', async () => {
    expect(await ask(stage, request(stage.keys(), { hashval: '0'.repeat(64) }))).toEqual(NOT_FOUND);
  });

  it('answers 502 to whatever made the reference throw', async () => {
    const keys = stage.keys();
    const good = request(keys);
    const bad: unknown[] = [
      '',
      'null',
      '{}',
      '{',
      { ...good, data: 'zz' },
      { ...good, data: '00' },
      { ...good, payload: '' },
      { ...good, payload: good['data'] },
      seal(keys, {}),
      seal(keys, { intervals: 'a,b,c' }),
      seal(keys, {}, 'short'),
      request(keys, { credential_source: 'wall-dashboards' }),
      request(keys, { credential_source: 'secretsmanager,absent' }),
      request(keys, { credential_source: 'secretsmanager,wall-dashboards,11111111-2222-3333-4444-555555555555' }),
      request(keys, { credential_source: undefined }),
    ];
    for (const body of bad) expect(await ask(stage, body), JSON.stringify(body).slice(0, 80)).toEqual(BROKEN);
  });

  it('refuses proofs that prove next to nothing', async () => {
    const weak = [
      '0,0,0',
      '0,1,0',
      '0,127,5|0,127,5|0,127,5|0,127,5',
      '7,7,7|8,8,8|9,9,9|1,1,1',
      '0,1,99999',
      `${INTERVALS}|1,900,3`,
      '0,2048,0|1,2,3|4,5,6|7,8,9',
    ];
    for (const intervals of weak)
      expect(await ask(stage, request(stage.keys(), { intervals })), intervals).toEqual(NOT_FOUND);
    const strong = '0,32,5|40,72,5|80,112,5|120,152,5';
    expect((await ask(stage, request(stage.keys(), { intervals: strong }))).status).toBe(201);
    const overlapping = '0,32,5|0,32,5|80,112,5|120,152,5';
    expect((await ask(stage, request(stage.keys(), { intervals: overlapping }))).status).toBe(404);
  });

  it('after a rotation answers 502 to old keys and 201 to new ones, and serves versions of the secret', async () => {
    const rotating = await startStage({ keys: smallKeys() });
    try {
      const old = rotating.keys();
      const fresh = await rotating.control.rotateKeys();
      expect(await ask(rotating, request(old))).toEqual(BROKEN);
      expect((await ask(rotating, request(fresh))).status).toBe(201);
      const id = rotating.control.setSecret('wall-dashboards', 'second');
      const read = async (source: string): Promise<string> =>
        open((await ask(rotating, request(fresh, { credential_source: source }))).message);
      expect(await read('secretsmanager,wall-dashboards')).toBe('second');
      expect(await read(`secretsmanager,wall-dashboards,${id}`)).toBe('second');
      // A version makes the stage irrelevant, as in the reference.
      expect(await read(`secretsmanager,wall-dashboards,${id},AWSPREVIOUS`)).toBe('second');
    } finally {
      await rotating.stop();
    }
  });
});

interface Vector {
  readonly request: unknown;
  readonly status: number;
  readonly secret?: string;
  readonly aes_key: string;
  readonly plain_request: { readonly credential_source: string };
}

describe('the vectors of the published reference', () => {
  const file = (name: string): Buffer => readFileSync(new URL(`../autoid/v1/vectors/${name}`, import.meta.url));
  const vectors = (name: string): Vector[] => JSON.parse(file(name).toString()) as Vector[];
  const privateKey = file('private.pkcs8.pem').toString();
  const keys: KeySet = {
    entropy: gunzipSync(file('info2048.bin.gz')).toString('latin1'),
    publicKey: toOpenSsh(createPublicKey(privateKey)),
    privateKey,
  };

  it('have the public key that OpenSSH would write', () => {
    expect(keys.publicKey).toBe(file('public.openssh.pem').toString().trim());
  });

  it('are answered as the reference answered them', async () => {
    let seen = 0;
    for (const vector of vectors('exchanges.json')) {
      // Version ids are the stand-in's own; the vectors that name one are covered above.
      const [, name = '', version] = vector.plain_request.credential_source.split(',');
      if (version !== undefined) continue;
      const secrets = vector.secret === undefined ? { other: 'x' } : { [name]: vector.secret };
      const old = await startStage({ keys, secrets });
      try {
        const answer = await ask(old, vector.request);
        expect(answer.status).toBe(vector.status);
        if (vector.status === 201) expect(open(answer.message, vector.aes_key)).toBe(vector.secret);
        seen++;
      } finally {
        await old.stop();
      }
    }
    expect(seen).toBeGreaterThan(8);
  });

  it('that need no entropy file are refused, unless the reference is to be imitated in that too', async () => {
    const [strict, lenient] = [await startStage({ keys }), await startStage({ keys, strictProofs: false })];
    try {
      for (const { request: body } of vectors('bypasses.json')) {
        expect(await ask(strict, body)).toEqual(NOT_FOUND);
        expect((await ask(lenient, body)).status).toBe(201);
      }
    } finally {
      await strict.stop();
      await lenient.stop();
    }
  });
});
