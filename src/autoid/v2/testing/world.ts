import { nativeSuite } from '../../../server/v2/native-suite.ts';
import type { Bytes } from '../bytes.ts';
import { prepareKeys, sealRequest } from '../request.ts';
import type { CredentialsRequest } from '../request.ts';
import type { Reply } from '../reply.ts';
import { createOpener } from '../server.ts';
import type { Opener, OpenedRequest, ServerGeneration } from '../server.ts';
import { softwareSigner } from '../signatures.ts';
import type { Signer } from '../signatures.ts';
import { fixedEd25519, fixedX25519, seed } from './fixed.ts';
import { realRandom } from './real-random.ts';

/** Servers, generations and devices by name, the same each time; the suite is the server's, since it is the faster one. */
export const suite = nativeSuite;
export const random = realRandom;
export const deviceSigner = async (name: string): Promise<Signer> =>
  softwareSigner(await fixedEd25519(`device ${name}`));
export const bytes16 = async (name: string): Promise<Bytes> => (await seed(name)).slice(0, 16);

export async function generationOf(name: string, generation: number): Promise<ServerGeneration> {
  return { generation, ...(await fixedX25519(`server ${name}`)), entropy: await seed(`entropy ${name}`) };
}

export async function openerOf(serverId: string, ...generations: ServerGeneration[]): Promise<Opener> {
  return createOpener(suite, { serverId, generations, random });
}

export async function aRequest(changes: Partial<CredentialsRequest> = {}): Promise<CredentialsRequest> {
  return {
    deviceId: '0123456789abcdef0123456789abcdef',
    signer: await deviceSigner('one'),
    timestamp: 1_795_334_400_000,
    step: { n: 1, p: await bytes16('p'), x: await bytes16('x'), answered: false },
    source: 'secretsmanager,wall',
    destination: '',
    ...changes,
  };
}

export async function sealFor(serverId: string, generation: ServerGeneration, request: CredentialsRequest) {
  return sealRequest(suite, await prepareKeys(suite, { serverId, ...generation }), request, random);
}

export async function mustOpen(opener: Opener, message: Uint8Array): Promise<OpenedRequest> {
  const opened = await opener.open(message);
  if (opened.status === 'unopened') throw new Error('does not open');
  return opened;
}

export function aReply(changes: Partial<Reply> = {}): Reply {
  return {
    code: 'ok',
    stepAccepted: true,
    now: 1_795_334_400_123,
    currentGeneration: 3,
    retryAfterSeconds: 0,
    serverStep: 1,
    payload: new TextEncoder().encode('{"kind":"secret","text":"x"}'),
    ...changes,
  };
}

/** For tests that go through everything there is: a slow machine is no failure. */
export const EXHAUSTIVE = { timeout: 900_000 };

/** The bytes with each single bit flipped in turn. */
export function* flipped(bytes: Uint8Array): Generator<Bytes> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = new Uint8Array(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield changed;
  }
}
