// Devices for the bench: put into a server's state as enrolled, and their requests made ahead.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { generateKeyPairSync, sign } from 'node:crypto';
import { projectRoot } from '../../lib/npm.mjs';
import { wire } from './load.mjs';

const source = (/** @type {string} */ path) => import(pathToFileURL(join(projectRoot, 'src', path)).href);
const { nativeSuite } = await source('server/v2/native-suite.ts');
const { prepareKeys, sealRequest } = await source('autoid/v2/request.ts');
const { firstStep, stepToSend } = await source('autoid/v2/counter.ts');
const { hashStep } = await source('autoid/v2/layout.ts');
const { createNodeRandom } = await source('node/random.ts');

const random = createNodeRandom();
const freshX = () => random.bytes(16);

/**
 * Enrols so many devices behind the server's back; the server may be running.
 *
 * @param {any} state an open StateStore @param {number} count
 */
export async function enrolDevices(state, count) {
  const devices = Array.from({ length: count }, () => {
    const pair = generateKeyPairSync('ed25519');
    const publicKey = new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32));
    const signer = {
      algorithm: 'ed25519',
      publicKey,
      sign: async (/** @type {Uint8Array} */ bytes) => new Uint8Array(sign(null, bytes, pair.privateKey)),
    };
    return { id: Buffer.from(random.bytes(16)).toString('hex'), signer, step: firstStep(freshX()) };
  });
  const now = Date.now();
  await Promise.all(
    devices.map(async ({ id, signer, step }, i) => {
      const hx = await hashStep(nativeSuite, step.x);
      const key = {
        ...{ algorithm: 'ed25519', publicKey: Buffer.from(signer.publicKey).toString('base64url') },
        ...{ fingerprintHint: 'bench', enrolledAt: now, hx0: hx, counter: { n: 0, hx }, nonces: [] },
        window: { startsAt: now, count: 0 },
      };
      const policy = { allow: [{ source: 'secretsmanager,wall-dashboards' }], networks: [], requestsPerHour: 1000 };
      const document = { id, name: `bench-${i}`, policy, invitedAt: now, status: 'active', key };
      if (!(await state.put('device', id, document, 0))) throw new Error('a device was there already');
    }),
  );
  return devices;
}

/**
 * One request of each device, each a step further than its last, as bytes on the line; undefined when all are taken.
 *
 * @param {Awaited<ReturnType<typeof enrolDevices>>} devices @param {any} keys what clients know of the server
 * @returns {Promise<() => Buffer | undefined>}
 */
export async function requestsOf(devices, keys) {
  const prepared = await prepareKeys(nativeSuite, keys);
  const requests = [];
  for (const { id: deviceId, signer, step: last } of devices) {
    const step = stepToSend({ ...last, answered: true }, 0, freshX);
    const source = 'secretsmanager,wall-dashboards';
    const content = { deviceId, signer, step, timestamp: Date.now(), source, destination: '' };
    const { body } = await sealRequest(nativeSuite, prepared, content, random);
    requests.push({ step, bytes: wire('/v2/credentials', 'application/octet-stream', body) });
  }
  let at = 0;
  return () => {
    const [request, device] = [requests[at], devices[at]];
    if (request === undefined || device === undefined) return undefined;
    at++;
    // What is not sent is no step.
    device.step = request.step;
    return request.bytes;
  };
}
