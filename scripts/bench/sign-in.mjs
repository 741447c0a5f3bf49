// Counts the HTTP exchanges from keys to login URL, with the product's own chain over long lines. Runs on the pinned Node.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pinnedNode, projectRoot } from '../lib/npm.mjs';
import { startStandIn, temporaryFolder } from '../lib/program.mjs';
import { runScript } from '../lib/teardown.mjs';
import { inSequence, startLink } from './link.mjs';
import { startRegistry } from './registry.mjs';
import { median, report, rounded } from './report.mjs';

const ONE_WAY_MS = 100;
const SAMPLES = 5;
const COLD_BAR = 5;
const WARM_BAR = 3;
const SCOPE = '@bench';
const NAME = 'auto-id-keys';

const source = (/** @type {string} */ path) => import(pathToFileURL(join(projectRoot, 'src', path)).href);
const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);

/** @typedef {{ kind: 'cold' | 'warm', elapsedMs: number, sequence: number, exchanges: import('./link.mjs').Exchange[] }} Sample */

await runScript(async (defer) => {
  const folder = await temporaryFolder(defer);
  const keysDir = join(folder, 'keys');
  const standIn = await startStandIn({ node: pinnedNode() ?? process.execPath, keysDir, defer });
  const registry = await startRegistry({ folder: join(folder, 'registry'), scope: SCOPE, name: NAME, keysDir, defer });

  /** @type {import('./link.mjs').Exchange[]} */
  let exchanges = [];
  const link = async (/** @type {string} */ name, /** @type {string} */ target) => {
    const onExchange = (/** @type {import('./link.mjs').Exchange} */ exchange) => exchanges.push(exchange);
    const { origin, stop } = await startLink({ name, target, oneWayMs: ONE_WAY_MS, onExchange });
    defer(stop);
    return origin;
  };
  const env = {
    ...standIn.env,
    AUTO_ID_API_ENDPOINT: await link('auto-id', standIn.urls.autoid),
    AWS_ENDPOINT_URL_STS: await link('sts', standIn.urls.sts),
    VIGIL_FEDERATION_URL: `${await link('federation', new URL(standIn.urls.federation).origin)}/federation`,
    VIGIL_NPM_REGISTRY: await link('registry', registry.origin),
    VIGIL_KEYS_SOURCE: 'npm',
    NPM_SCOPE: SCOPE,
    NPM_PACKAGE: NAME,
    NPM_TOKEN: registry.token,
  };
  const newChain = await chainMaker(env);

  const sample = async (/** @type {Sample['kind']} */ kind, /** @type {{ run(): Promise<unknown> }} */ chain) => {
    exchanges = [];
    const from = performance.now();
    await chain.run();
    const elapsedMs = performance.now() - from;
    // What goes on beside the sign-in may end after it.
    await new Promise((resolve) => setTimeout(resolve, 5 * ONE_WAY_MS));
    const sequence = inSequence(exchanges.filter((exchange) => exchange.fromMs < from + elapsedMs));
    tell({ kind, elapsedMs, sequence, exchanges }, from);
    return { kind, elapsedMs, sequence, exchanges };
  };
  /** @type {Sample[]} */
  const samples = [];
  for (let i = 0; i < SAMPLES; i++) {
    // A chain of its own has neither keys nor a role's durations in memory.
    const chain = await newChain();
    samples.push(await sample('cold', chain), await sample('warm', chain));
  }
  return judge(samples);
});

/** @param {Record<string, string>} env */
async function chainMaker(env) {
  const { signInFromSettings } = await source('aws/from-settings.ts');
  const { loadSettings } = await source('node/load-settings.ts');
  const { createNodeFetch } = await source('node/http.ts');
  const { createNodeClock } = await source('node/clock.ts');
  const { createNodeRandom } = await source('node/random.ts');
  const { createNodeFileStore } = await source('node/file-store.ts');
  const files = createNodeFileStore();
  const { settings, problems } = await loadSettings({
    env,
    flags: { layer: 'flags', name: 'flags', values: {}, origins: {} },
    platform: process.platform,
    home: homedir(),
    workingFolder: projectRoot,
    hostName: 'bench',
    files,
  });
  if (problems.length > 0) throw new Error(problems.map((/** @type {any} */ one) => one.sentence).join(' '));
  const ports = { clock: createNodeClock(), random: createNodeRandom(), files, logger: { log: () => undefined } };
  return () => signInFromSettings(settings, { ...ports, fetch: createNodeFetch() });
}

/** @param {Sample} sample @param {number} from */
function tell({ kind, elapsedMs, sequence, exchanges }, from) {
  const connections = exchanges.filter(({ newConnection }) => newConnection).length;
  say(
    `${kind}: ${Math.round(elapsedMs)} ms, ${exchanges.length} exchanges, ${sequence} in sequence, ${connections} connections`,
  );
  for (const { name, what, status, fromMs, toMs } of exchanges) {
    const [start, end] = [fromMs, toMs].map((time) => Math.round(time - from));
    say(`   ${`${start}–${end}`.padStart(10)} ms  ${name.padEnd(10)} ${status} ${what}`);
  }
}

/** @param {readonly Sample[]} samples */
function judge(samples) {
  const of = (/** @type {Sample['kind']} */ kind) => samples.filter((sample) => sample.kind === kind);
  const [cold = 0, warm = 0] = [of('cold'), of('warm')].map((some) =>
    Math.max(...some.map(({ sequence }) => sequence)),
  );
  const [coldMs = 0, warmMs = 0] = [of('cold'), of('warm')].map((some) =>
    median(some.map(({ elapsedMs }) => elapsedMs)),
  );
  const roundTrip = 2 * ONE_WAY_MS;
  say(
    `A round trip takes ${roundTrip} ms. Every call opens a connection of its own, whose TCP handshake is a round trip more and`,
  );
  say(
    'is in the elapsed times, but not in the number of exchanges; TLS would be another. The number is the most seen in any sample.',
  );
  say(
    `cold: at most ${cold} in sequence (bar ${COLD_BAR}), median ${Math.round(coldMs)} ms = ${rounded(coldMs / roundTrip)} round trips`,
  );
  say(
    `warm: at most ${warm} in sequence (bar ${WARM_BAR}), median ${Math.round(warmMs)} ms = ${rounded(warmMs / roundTrip)} round trips`,
  );
  return report({
    bench: 'signin',
    figure: cold,
    unit: 'exchanges in sequence, cold',
    bar: COLD_BAR,
    holds: cold <= COLD_BAR && warm <= WARM_BAR,
    warm,
    warmBar: WARM_BAR,
  });
}
