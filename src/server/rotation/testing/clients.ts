import { fromBase64Url } from '../../../autoid/encoding.ts';
import { sealRequest as sealV1, type ProtocolKeys } from '../../../autoid/v1/request.ts';
import { firstStep } from '../../../autoid/v2/counter.ts';
import { acceptKeySet, decodeKeySet, type AcceptedKeys } from '../../../autoid/v2/keyset.ts';
import { prepareKeys, sealRequest as sealV2 } from '../../../autoid/v2/request.ts';
import { createOpener } from '../../../autoid/v2/server.ts';
import { generateKeyPair, softwareSigner } from '../../../autoid/v2/signatures.ts';
import { webSuite } from '../../../autoid/v2/suite.ts';
import { createNodeRandom } from '../../../node/random.ts';
import { createVerifierV1 } from '../../v1/verify.ts';
import type { ServerKeys } from '../generations.ts';
import type { Ring } from '../ring.ts';

const random = createNodeRandom();
const device = await softwareSigner(await generateKeyPair('ed25519'));

/** What a client that pins the ring's root makes of a published file. */
export function accept(
  file: Uint8Array | undefined,
  ring: Pick<Ring, 'root' | 'serverId'>,
  now: number,
): Promise<AcceptedKeys> {
  const files = file === undefined ? undefined : decodeKeySet(new Uint8Array(file));
  const root = fromBase64Url(ring.root);
  if (files === undefined || root === undefined) throw new Error('no key set');
  return acceptKeySet(files, { root, serverId: ring.serverId, floor: { serial: 1, generation: 1 } }, now);
}

/** The generation by which the server opens and verifies a request under these keys; undefined when it does not. */
export async function servesV2(server: ServerKeys, keys: AcceptedKeys, now: number): Promise<number | undefined> {
  const request = await sealV2(
    webSuite,
    await prepareKeys(webSuite, keys),
    {
      deviceId: '0'.repeat(32),
      signer: device,
      timestamp: now,
      step: firstStep(random.bytes(16) as Uint8Array<ArrayBuffer>),
      source: 'file,x',
      destination: '',
    },
    random,
  );
  const opener = await createOpener(webSuite, { serverId: server.serverId, generations: server.v2, random });
  const opened = await opener.open(request.body);
  if (opened.status === 'unopened' || (await opened.verify(device)) === undefined) return undefined;
  return opened.generation;
}

/** The same for protocol 1. */
export async function servesV1(server: ServerKeys, keySet: ProtocolKeys): Promise<number | undefined> {
  const { body } = await sealV1({ keySet, credentialSource: 'file,x', random });
  const verify = await createVerifierV1(server.v1);
  const result = await verify(new TextEncoder().encode(body));
  return result.verified ? result.generation : undefined;
}
