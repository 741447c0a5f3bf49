// The auto-id server under load, in one run: rates and latencies of both protocols with durable writes, beside one bare
// RSA operation in the same framework under the same load; the memory of 10 000 devices; a simulated fleet of 10 000 walls.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { publicEncrypt } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { projectRoot } from '../../lib/npm.mjs';
import { temporaryFolder } from '../../lib/program.mjs';
import { runScript } from '../../lib/teardown.mjs';
import { median, report, rounded } from '../report.mjs';
import { enrolDevices, requestsOf } from './devices.mjs';
import { simulateFleet } from './fleet.mjs';
import { load, wire } from './load.mjs';

const CONNECTIONS = 256;
const SAMPLE_MS = 3_000;
const ROUNDS = 5;
const DEVICES = 10_000;
const WALLS = 10_000;
/** Least share of the bare operation's rate that protocol 1 reaches. */
const V1_BAR = 0.6;
const FIVE_MINUTES_BAR = 3;
const LIVE_WITHIN_S = 90;
const PEAK_SHARE_BAR = 0.25;

const source = (/** @type {string} */ path) => import(pathToFileURL(join(projectRoot, 'src', path)).href);
const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);
const figures = (/** @type {import('./load.mjs').Sample} */ one) =>
  `${one.perSecond.toFixed(0)}/s (p50 ${one.p50Ms.toFixed(1)} ms, p99 ${one.p99Ms.toFixed(1)} ms, ${one.requests} requests)`;

await runScript(async (defer) => {
  const { makeDemo } = await source('cli/commands/serve-demo.ts');
  const { openSqliteState } = await source('server/state/sqlite.ts');
  const { openVault } = await source('server/rotation/open-vault.ts');
  const { vaultKeySource } = await source('server/rotation/key-source.ts');
  const { openSeal } = await source('server/seal/open-seal.ts');
  const { createNodeClock } = await source('node/clock.ts');
  const { createNodeRandom } = await source('node/random.ts');
  const { sealRequest } = await source('autoid/v1/request.ts');

  const clock = createNodeClock();
  const folder = await temporaryFolder(defer);
  await mkdir(folder, { recursive: true });
  const { data, secretsFile } = await makeDemo(folder);
  const vault = await openVault({ folder: data }, await openSeal(data, {}));
  const keys = await vaultKeySource({ vault, clock }).read();
  const [v1] = keys.v1;
  const clientKeys = { ...keys.v2[0], serverId: keys.serverId };

  // Requests of protocol 1 have nothing in them that may come once only.
  const credentialSource = 'secretsmanager,wall-dashboards';
  const keySet = { entropy: v1.entropy, publicKeyPem: v1.publicKeyPem };
  const v1Requests = [];
  for (let i = 0; i < 500; i++) {
    const { body } = await sealRequest({ keySet, credentialSource, random: createNodeRandom() });
    v1Requests.push(wire('/verify', 'application/json', body));
  }
  const [keyFile, sealedFile] = [join(folder, 'bare.pem'), join(folder, 'bare.bin')];
  await writeFile(keyFile, v1.privateKeyPem, { mode: 0o600 });
  await writeFile(
    sealedFile,
    publicEncrypt({ key: v1.publicKeyPem, oaepHash: 'sha1' }, Buffer.from('ABCDEFGHIJKLMNOP')),
  );

  const start = async (/** @type {string} */ program, /** @type {string[]} */ args) => {
    // Its log goes to its data folder all the same; here nobody reads it.
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    defer(() => void child.kill('SIGKILL'));
    const [chunk] = await once(child.stdout, 'data');
    return { child, port: Number(/(\d+)\s*$/.exec(String(chunk))?.[1]) };
  };
  const flags = ['--data', data, '--listen', '127.0.0.1:0', '--protocols', 'v1,v2', '--file-secrets', secretsFile];
  const server = await start(join(projectRoot, 'src/cli/main.ts'), ['serve', ...flags]);
  const bare = await start(fileURLToPath(new URL('./baseline.mjs', import.meta.url)), [keyFile, sealedFile]);
  say(`${cpus().length} cores, ${CONNECTIONS} connections; the load comes from this machine too.`);

  const cycle = (/** @type {Buffer[]} */ requests) => {
    let at = 0;
    return () => requests[at++ % requests.length];
  };
  const state = await openSqliteState({ file: join(data, 'state.db'), clock });
  const common = { connections: CONNECTIONS, ms: SAMPLE_MS };
  const ofV1 = cycle(v1Requests);
  const ask = {
    bare: () => load({ ...common, port: bare.port, status: 201, next: ofV1 }),
    v1: () => load({ ...common, port: server.port, status: 201, next: ofV1 }),
  };
  await ask.bare();
  await ask.v1();
  const emptyBytes = await residentBytes(server.child.pid);

  const devices = await enrolDevices(state, DEVICES);
  /** @type {Record<'bare' | 'v1' | 'v2', import('./load.mjs').Sample[]>} */
  const samples = { bare: [], v1: [], v2: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    samples.bare.push(await ask.bare());
    samples.v1.push(await ask.v1());
    // A device's requests build on each other, and are good for two minutes: made for each round anew.
    const next = await requestsOf(devices, clientKeys);
    samples.v2.push(await load({ ...common, port: server.port, status: 200, next }));
    for (const name of /** @type {const} */ (['bare', 'v1', 'v2'])) {
      const last = samples[name].at(-1);
      if (last !== undefined) say(`round ${round}  ${name.padEnd(4)}  ${figures(last)}`);
    }
  }
  // Each device has asked by now, the last round at the latest.
  await load({
    ...common,
    ms: 60_000,
    port: server.port,
    status: 200,
    next: await requestsOf(devices, clientKeys),
  });
  const fullBytes = await residentBytes(server.child.pid);
  await state.close();
  server.child.kill('SIGTERM');
  bare.child.kill('SIGTERM');

  const rate = (/** @type {'bare' | 'v1' | 'v2'} */ name) => median(samples[name].map(({ perSecond }) => perSecond));
  const [bareRate, v1Rate, v2Rate] = [rate('bare'), rate('v1'), rate('v2')];
  const shares = samples.v1.map(({ perSecond }, i) => perSecond / (samples.bare[i]?.perSecond ?? NaN));
  const share = median(shares);
  const mib = (/** @type {number} */ bytes) => rounded(bytes / 1024 / 1024, 1);
  say(
    `\nmedians: bare ${bareRate.toFixed(0)}/s, v1 ${v1Rate.toFixed(0)}/s (${(share * 100).toFixed(0)} % of it, bar 60 %), v2 ${v2Rate.toFixed(0)}/s`,
  );
  say(`memory: ${mib(emptyBytes)} MiB before ${DEVICES} devices, ${mib(fullBytes)} MiB after each has asked`);

  const fleet = simulateFleet({ walls: WALLS, perSecond: v2Rate });
  const { steady, outage, afterwards } = fleet;
  const peakShare = outage.peakSecond / v2Rate;
  say(
    `fleet of ${WALLS}: ${steady.meanPerSecond.toFixed(1)}/s in steady state, busiest five minutes ${steady.peakOfFiveMinutes.toFixed(2)} times the mean (bar ${FIVE_MINUTES_BAR})`,
  );
  say(
    `after an hour's outage: ${outage.liveAgain} live within ${outage.allLiveAfterSeconds.toFixed(0)} s (bar ${LIVE_WITHIN_S}), ${outage.meanDarkSeconds.toFixed(0)} s in the mean; peak second ${outage.peakSecond} requests, ${(peakShare * 100).toFixed(0)} % of the v2 rate (bar 25 %)`,
  );
  say(
    `  while it lasted ${outage.attemptsPerSecond.toFixed(0)} attempts/s; in the hours after it the busiest five minutes are ${afterwards.peakOfFiveMinutes.toFixed(1)} times the mean`,
  );

  const raw = (/** @type {import('./load.mjs').Sample[]} */ all) =>
    all.map(({ perSecond, p50Ms, p99Ms }) => [rounded(perSecond, 0), rounded(p50Ms), rounded(p99Ms)]);
  return report({
    ...{ bench: 'server', figure: rounded(share), unit: 'v1 rate / bare RSA rate', bar: V1_BAR },
    holds:
      share >= V1_BAR &&
      v2Rate >= v1Rate &&
      steady.peakOfFiveMinutes <= FIVE_MINUTES_BAR &&
      outage.liveAgain === WALLS &&
      outage.allLiveAfterSeconds <= LIVE_WITHIN_S &&
      peakShare <= PEAK_SHARE_BAR,
    samples: { bare: raw(samples.bare), v1: raw(samples.v1), v2: raw(samples.v2) },
    memoryMiB: { before: mib(emptyBytes), after: mib(fullBytes) },
    fleet,
  });
});

/** @param {number | undefined} pid */
async function residentBytes(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}
