/** Requests that no server may like, each from a number, so that a run can be taken up where it ended. */
import { bypasses, exchanges, vectorText } from '../../autoid/testing/vectors.ts';
import { cipherKeyOf, sealText, toWire } from '../../autoid/v1/cipher.ts';
import { importPrivateKey, importPublicKey } from '../../autoid/v1/keys.ts';
import { isProven, openRequest } from '../../autoid/testing/server-v1.ts';
import { concat } from '../../autoid/v2/bytes.ts';
import { inviteOf, sealEnrolment } from '../../autoid/v2/enrol.ts';
import { newActivationCode } from '../../autoid/v2/activation-code.ts';
import { sealKeyRequest } from '../../autoid/v2/key-request.ts';
import { encodeHeader } from '../../autoid/v2/layout.ts';
import { prepareKeys } from '../../autoid/v2/request.ts';
import { nativeSuite } from '../v2/native-suite.ts';
import { enrolled, random, SERVER_ID, vectorGeneration, type World } from './world.ts';

/** One request as it would come over the line. */
export interface FuzzedRequest {
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What an answer was. */
export interface FuzzedAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

export interface Fuzzer {
  /** The request with this number; the same one each time, but for what is random in sealing it. */
  make(number: number): Promise<FuzzedRequest>;
  /** What is wrong with the answer to it; undefined when it is the refusal that it has to be. */
  judge(request: FuzzedRequest, answer: FuzzedAnswer): Promise<string | undefined>;
}

type Bytes = Uint8Array<ArrayBuffer>;
const V1 = '/verify';
const PATHS = [V1, '/Stage/verify', '/v2/credentials', '/v2/enrol', '/v2/keyset'] as const;
const ODD_PATHS = [
  '/',
  '/v2',
  '/v2/',
  '/verify/',
  '//verify',
  '/Verify',
  '/v2/credentials/x',
  '/%76erify',
  '/healthz/',
];
const TYPES = ['application/json', 'application/octet-stream', 'text/plain', '', 'APPLICATION/JSON; charset=x'];
const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  '0',
  [],
  {},
  '\u0000',
  '𝒳'.repeat(50),
  'a'.repeat(5000),
  { toString: 1 },
];

/** A reproducible source of chance. */
function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Makes and judges mutations of everything that this world's server would take. */
export async function createFuzzer(world: World, seed: number): Promise<Fuzzer> {
  const device = await enrolled(world, { name: 'fuzzed', policy: { requestsPerHour: 1_000_000 } });
  const [current] = world.keys.v2;
  if (current === undefined) throw new Error('no generation');
  const prepared = await prepareKeys(nativeSuite, { ...current, serverId: SERVER_ID });
  const sealed = (await device.seal()).body;
  const invite = await inviteOf(nativeSuite, newActivationCode(random));
  const { signer } = device;
  const enrolment = await sealEnrolment(nativeSuite, invite, { signer, x0: new Uint8Array(16), fingerprintHint: 'x' });
  const keyRequest = await sealKeyRequest(nativeSuite, { serverId: SERVER_ID, deviceId: device.id, signer, known: 0 });
  const valid = new Set([sealed, keyRequest.body].map((body) => Buffer.from(body).toString('hex')));
  const publicKey = await importPublicKey(vectorText('public.spki.pem'));
  const privateKey = await importPrivateKey(vectorGeneration().privateKeyPem);
  const { entropy } = vectorGeneration();

  const make = async (number: number): Promise<FuzzedRequest> => {
    const next = chance(Math.imul(number + 1, 0x9e3779b1) ^ seed);
    const below = (count: number): number => Math.floor(next() * count);
    const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;
    const junk = (length: number): Bytes => Uint8Array.from({ length }, () => below(256));

    function mutated(bytes: Bytes): Bytes {
      let result = bytes;
      for (let times = 1 + below(3); times > 0; times--) {
        const at = below(result.length + 1);
        const [head, tail] = [result.slice(0, at), result.slice(at)];
        const kind = below(6);
        if (kind === 0) result = concat(head, junk(1 + below(8)), tail);
        else if (kind === 1) result = concat(head, tail.slice(1 + below(16)));
        else if (kind === 2) result = concat(head, junk(1), tail.slice(1));
        else if (kind === 3) result = head;
        else if (kind === 4) result = concat(head, bytes.slice(below(bytes.length), below(bytes.length)), tail);
        else if (result.length > 0) {
          result = result.slice();
          const bit = below(result.length);
          result[bit] = (result[bit] ?? 0) ^ (1 << below(8));
        }
      }
      return result;
    }

    async function v1(): Promise<Bytes> {
      const one = pick([...exchanges, ...bypasses]);
      const kind = below(4);
      if (kind === 0) return mutated(utf8(JSON.stringify(one.request)));
      const fields: Record<string, unknown> = kind === 1 ? { ...one.request } : { ...one.plain_request };
      for (let times = 1 + below(2); times > 0; times--) {
        const name = pick([...Object.keys(fields), 'more', '__proto__']);
        const old = fields[name];
        const isText = typeof old === 'string' && below(3) > 0;
        fields[name] = isText ? Buffer.from(mutated(utf8(old))).toString('latin1') : pick(ODD_VALUES);
      }
      if (kind === 1) return utf8(JSON.stringify(fields));
      // Within a right envelope.
      const keyText = kind === 2 ? 'ABCDEFGHIJKLMNOP' : Buffer.from(junk(below(40))).toString('latin1');
      const plain =
        below(4) === 0 ? Buffer.from(mutated(utf8(JSON.stringify(fields)))).toString('latin1') : JSON.stringify(fields);
      const wrapped = new Uint8Array(await crypto.subtle.encrypt('RSA-OAEP', publicKey, utf8(keyText)));
      const payload = await sealText(await cipherKeyOf(keyText), plain, random);
      return utf8(JSON.stringify({ data: toWire(wrapped), payload }));
    }

    async function v2(path: string): Promise<Bytes> {
      if (path === '/v2/enrol') return below(2) === 0 ? enrolment.body : mutated(enrolment.body);
      const base = path === '/v2/keyset' ? keyRequest.body : sealed;
      if (path === '/v2/keyset' || below(2) === 0) return mutated(base);
      // By somebody who knows the entropy and no device's key.
      const sender = await nativeSuite.setupSender(prepared.to, prepared.binding);
      const header = encodeHeader(1, sender.enc);
      const id = below(2) === 0 ? new Uint8Array(Buffer.from(device.id, 'hex')) : junk(16);
      return concat(header, await sender.seal(concat(id, junk(64 + below(300))), header));
    }

    const path = pick(PATHS);
    const isV1 = path === V1 || path === '/Stage/verify';
    const shape = below(20);
    const body =
      shape === 0 ? junk(below(4000)) : shape === 1 ? junk(60_000 + below(10_000)) : isV1 ? await v1() : await v2(path);
    const isOdd = below(12) === 0;
    return {
      method: isOdd ? pick(['POST', 'GET', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH']) : 'POST',
      path: isOdd ? pick([...ODD_PATHS, ...PATHS]) : path,
      type: isOdd ? pick(TYPES) : isV1 ? 'application/json' : 'application/octet-stream',
      body,
    };
  };

  const judge: Fuzzer['judge'] = async ({ method, path, body }, { status, body: answer }) => {
    if (status === 404) {
      if (method === 'HEAD' || answer.length === 512) return undefined;
      return Buffer.from(answer).toString() === '{"message":"not found"}' ? undefined : 'a refusal of another look';
    }
    if (status === 201) {
      const opened = await openRequest(privateKey, Buffer.from(body).toString('utf8'));
      return opened !== undefined && (await isProven(entropy, opened)) ? undefined : 'a secret for no proof';
    }
    const isWhole = valid.has(Buffer.from(body).toString('hex'));
    return status === 200 && isWhole ? undefined : `status ${status} on ${path}`;
  };
  return { make, judge };
}

function utf8(text: string): Bytes {
  return new TextEncoder().encode(text);
}
