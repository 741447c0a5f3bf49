// Mutated requests against the server, in process and over the socket. Runs on the pinned Node; see fuzz-server.mjs.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../lib/npm.mjs';

const source = (/** @type {string} */ path) => import(pathToFileURL(join(projectRoot, 'src', path)).href);
const { createFuzzer } = await source('server/testing/fuzz.ts');
const { createWorld } = await source('server/testing/world.ts');
const { listen } = await source('server/http.ts');
const { createNodeFileStore } = await source('node/file-store.ts');

const SEED = 20_261_122;
const IN_PROCESS = Number(process.env['FUZZ_REQUESTS'] ?? 1_000_000);
const OVER_SOCKET = Number(process.env['FUZZ_SOCKET_REQUESTS'] ?? 10_000);
const AT_ONCE = 32;
const STEP = 2_000;
/** Memory that a run may gain from its first tenth to its end, in bytes, after collection. */
const GROWTH_BAR = 24 * 1024 * 1024;
const folder = join(projectRoot, 'test-results');
const progressFile = join(folder, `fuzz-server-${SEED}.json`);

const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);
const failures = [];
process.on('uncaughtException', (error) => failures.push(`exception: ${error.stack ?? error}`));
process.on('unhandledRejection', (error) => failures.push(`rejection: ${error}`));

const world = await createWorld();
const fuzzer = await createFuzzer(world, SEED);

/** @param {any} one @returns {Promise<{ status: number, body: Uint8Array }>} */
async function inProcess({ method, path, type, body }) {
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const init = { method, headers: { 'content-type': type }, ...(hasBody ? { body } : {}) };
  const answer = await world.app.request(path, init, { address: '192.0.2.1' });
  return { status: answer.status, body: new Uint8Array(await answer.arrayBuffer()) };
}

/** @param {number} port */
const overSocket =
  (port) =>
  (/** @type {any} */ { method, path, type, body }) =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': type, 'content-length': body.length };
      const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
        /** @type {Buffer[]} */
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
        answer.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(method === 'GET' || method === 'HEAD' ? undefined : body);
    });

/** @param {number} from @param {number} to @param {(one: any) => Promise<any>} send */
async function run(from, to, send) {
  let next = from;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let number = next++; number < to; number = next++) {
        const one = await fuzzer.make(number);
        const wrong = await send(one).then(
          (answer) => fuzzer.judge(one, answer),
          (error) => `no answer: ${error.message}`,
        );
        if (wrong !== undefined) failures.push(`request ${number}: ${wrong}`);
      }
    }),
  );
  // What the world remembers for tests is no growth of the server.
  world.events.length = 0;
  world.store.issued.length = 0;
}

const used = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
};

const done = await readFile(progressFile, 'utf8').then(
  (text) => JSON.parse(text).done,
  () => 0,
);
if (done > 0) say(`going on at request ${done}`);
await mkdir(folder, { recursive: true });
let firstTenth = 0;
for (let from = done; from < IN_PROCESS && failures.length === 0; from += STEP) {
  const to = Math.min(from + STEP, IN_PROCESS);
  await run(from, to, inProcess);
  if (failures.length > 0) break;
  await writeFile(`${progressFile}.new`, JSON.stringify({ done: to }));
  await rename(`${progressFile}.new`, progressFile);
  if (firstTenth === 0 && to - done >= Math.min(STEP * 2, (IN_PROCESS - done) / 10)) firstTenth = used();
  if (to % (STEP * 10) === 0 || to === IN_PROCESS) say(`${to} in process, ${(used() / 1024 / 1024).toFixed(1)} MiB`);
}
const grown = firstTenth === 0 ? 0 : used() - firstTenth;
if (grown > GROWTH_BAR) failures.push(`memory grew by ${(grown / 1024 / 1024).toFixed(1)} MiB`);

if (failures.length === 0) {
  const listening = await listen({
    ...{ app: world.app, host: '127.0.0.1', port: 0, trustedProxies: [], files: createNodeFileStore() },
    logger: { log: () => undefined },
  });
  const began = 2_000_000_000;
  await run(began, began + OVER_SOCKET, overSocket(Number(new URL(listening.url).port)));
  await listening.stop(1000);
  say(`${OVER_SOCKET} over the socket`);
}
for (const failure of failures.slice(0, 20)) say(failure);
say(
  JSON.stringify({
    fuzz: 'server',
    seed: SEED,
    inProcess: IN_PROCESS,
    overSocket: OVER_SOCKET,
    grownBytes: grown,
    failures: failures.length,
  }),
);
process.exit(failures.length === 0 ? 0 : 1);
