// A real wall through faults at random, its screen watched all along, and judged as the simulated ones are.
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bootstrap } from './bootstrap.mjs';
import { KINDS, planFaults } from './chaos/faults.mjs';
import { judge } from './chaos/oracle.mjs';
import { watchScreen } from './chaos/watch.mjs';
import { wreck } from './chaos/wreck.mjs';
import { startDesktop, startDisplay } from './display.mjs';
import { projectRoot } from './lib/npm.mjs';
import { startProcess, waitUntil } from './lib/process.mjs';
import { plainEnvironment, startStandIn, startWall, temporaryFolder } from './lib/program.mjs';
import { runScript } from './lib/teardown.mjs';

const HELP = `Usage: npm run chaos -- [options]

Puts a wall before the stand-in through faults at random, and watches its screen. Prints what it does, and at the end one line
of JSON; ends with 1 when an invariant broke, the wall was available for less than 99.99 % of the time that no fault excuses,
or was dark for more than 90 s without an excuse.

  --minutes N   how long (10)
  --seed N      the same faults at the same times for the same seed (1)
  --resume      go on where the last run of that seed and length stopped
  --only KINDS  these faults alone, in turn; several with commas between
  --displays N  how many displays the wall has (1)
  --piece N     end after so many minutes; what is missing then, --resume brings
`;

const LEAST_AVAILABILITY = 0.9999;
const LONGEST_DARK_SECONDS = 90;
const RENEW_EVERY_SECONDS = 90;
const BEAT_MS = 2_000;
const LIVE_WITHIN_MS = 120_000;
const SIZE_OF_SEVERAL = { width: 1280, height: 720 };

/** @typedef {import('./chaos/oracle.mjs').Entry} Entry */

const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    displays: { type: 'string', default: '1' },
    piece: { type: 'string', default: 'Infinity' },
    resume: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [minutes, seed, piece, displays] = [values.minutes, values.seed, values.piece, values.displays].map(Number);
const only = values.only.split(',').filter(Boolean);
const unknown = only.filter((kind) => !Object.hasOwn(KINDS, kind));
if (values.help) process.stdout.write(HELP);
else if (unknown.length > 0) {
  process.stderr.write(`No such fault: ${unknown.join(', ')}. There are: ${Object.keys(KINDS).join(', ')}\n`);
  process.exitCode = 2;
} else if (!(minutes >= 2 && Number.isInteger(seed) && piece > 0 && displays >= 1 && displays <= 4)) {
  process.stderr.write(HELP);
  process.exitCode = 2;
} else await runScript(chaos);

/** @param {import('./lib/teardown.mjs').Defer} defer */
async function chaos(defer) {
  const totalMs = minutes * 60_000;
  const file = join(
    projectRoot,
    '.cache',
    'chaos',
    `${[seed, minutes, ...(displays > 1 ? [`${displays}-displays`] : []), ...only].join('-')}.jsonl`,
  );
  await mkdir(join(file, '..'), { recursive: true });
  if (!values.resume) await rm(file, { force: true });
  const journal = await readJournal(file);
  const doneMs = journal.at(-1)?.atMs ?? 0;
  if (doneMs < totalMs) await runPiece(defer, { journal, file, doneMs, totalMs });
  journal.sort(byTime);
  const ranMs = journal.at(-1)?.atMs ?? 0;
  const verdict = judge(journal, { renewEverySeconds: RENEW_EVERY_SECONDS });
  if (ranMs < totalMs) say(`${(ranMs / 60_000).toFixed(1)} of ${minutes} minutes: run again with --resume`);
  say(JSON.stringify({ minutes: Math.round(ranMs / 6_000) / 10, seed, ...verdict }));
  const holds =
    verdict.brokenInvariants.length === 0 &&
    verdict.availability >= LEAST_AVAILABILITY &&
    verdict.longestUnexplainedDarkSeconds <= LONGEST_DARK_SECONDS;
  return holds ? 0 : 1;
}

/** @param {string} file @returns {Promise<Entry[]>} what was written whole; pictures are written when they come, which is late */
async function readJournal(file) {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
    .sort(byTime);
}

/**
 * @param {import('./lib/teardown.mjs').Defer} defer
 * @param {{ journal: Entry[], file: string, doneMs: number, totalMs: number }} run
 */
async function runPiece(defer, { journal, file, doneMs, totalMs }) {
  const { electron, node } = await bootstrap({ log: say });
  const folder = await temporaryFolder(defer);
  const screen = await startScreen(defer, folder);
  const standIn = await startStandIn({
    node,
    keysDir: join(folder, 'keys'),
    args: ['--poll-ms', '1000'],
    defer,
  });
  const network = await startNetwork(node, standIn.urls, defer);
  const start = () =>
    startWall({
      executable: electron.executablePath,
      folder,
      env: screen.env,
      settings: {
        ...standIn.env,
        VIGIL_MAX_SESSION_AGE_SECONDS: `${RENEW_EVERY_SECONDS}`,
        // It is started again from here.
        VIGIL_SUPERVISED: '1',
      },
      flags: [...network.flags, ...screen.flags, '--no-tray', '--inspect=127.0.0.1:0'],
      defer,
    });
  let wall = await start();
  let isOver = false;
  await wall.waitFor(({ event }) => event === 'session.live', { what: 'Not live', timeoutMs: LIVE_WITHIN_MS });

  const startedAtMs = Date.now();
  const now = () => doneMs + Date.now() - startedAtMs;
  /** @type {Promise<unknown>} */
  let writing = Promise.resolve();
  const write = (/** @type {Entry} */ entry) => {
    journal.push(entry);
    writing = writing.then(() => appendFile(file, `${JSON.stringify(entry)}\n`));
  };
  write({ atMs: doneMs, what: 'piece' });
  const keepUp = async () => {
    while (!isOver) {
      const how = await wall.ended;
      if (isOver) return;
      say(`${clockOf(now())} the wall ${how}; it is started again`);
      wall = await start();
    }
  };
  void keepUp();

  const eyes = await Promise.all(
    screen.areas.map((area, display) =>
      watchScreen(
        { ...screen, ...area, saveBlanksTo: join(projectRoot, 'test-results', 'chaos') },
        {
          display: screen.areas.length > 1 ? display : undefined,
          doneMs,
          startedAtMs,
          write,
          onKind: ({ atMs, kind, display: n }) =>
            say(`${clockOf(atMs)}      ${n === undefined ? '' : `${n}: `}${kind}`),
        },
      ),
    ),
  );
  defer(() => Promise.all(eyes.map((one) => one.stop().catch(() => undefined))));

  const scene = {
    standIn,
    network,
    roleArn: standIn.env.ASSUME_ROLE_ARN,
    pid: () => wall.child.pid ?? 0,
    runInMain: (/** @type {string} */ script) => runInMain(wall, script),
  };
  const untilMs = Math.min(totalMs, doneMs + piece * 60_000);
  const faults = planFaults(seed, totalMs, only).map((fault, id) => ({ ...fault, id }));
  const due = faults.filter(({ atMs }) => atMs >= doneMs && atMs < untilMs);
  /** @type {Promise<void>[]} */
  const going = [];
  for (let beatAtMs = 0; now() < untilMs; await delay(100)) {
    while (due.length > 0 && due[0].atMs <= now()) going.push(befall(due.shift(), scene, { now, write, untilMs }));
    if (now() < beatAtMs) continue;
    beatAtMs = now() + BEAT_MS;
    write({ atMs: now(), what: 'beat', signIns: await signInsAt(standIn) });
  }
  await Promise.all(going);
  await Promise.all(eyes.map((one) => one.catchUp()));
  write({ atMs: now(), what: 'beat', signIns: await signInsAt(standIn) });
  isOver = true;
  await writing;
  await Promise.all(eyes.map((one) => one.stop()));
}

/**
 * @param {import('./chaos/faults.mjs').Planned & { id: number } | undefined} fault
 * @param {import('./chaos/wreck.mjs').Scene} scene
 * @param {{ now: () => number, write: (entry: Entry) => void, untilMs: number }} run
 */
async function befall(fault, scene, { now, write, untilMs }) {
  if (fault === undefined) return;
  const { id, kind, ms } = fault;
  const load = (await scene.standIn.control('pageLoads')).at(-1)?.load ?? 0;
  write({ atMs: now(), what: 'begins', id, kind, load });
  say(`${clockOf(now())} ${kind}, ${(ms / 1000).toFixed(0)} s`);
  try {
    const undo = await wreck(fault, scene);
    await delay(Math.min(ms, Math.max(0, untilMs - now())));
    await undo();
  } catch (error) {
    // A wall that is just starting again cannot be spoken to, for one.
    say(`${clockOf(now())} ${kind} could not be done: ${/** @type {Error} */ (error).message}`);
    write({ atMs: now(), what: 'undone', id });
  }
  write({ atMs: now(), what: 'ends', id });
}

/**
 * @param {import('./lib/teardown.mjs').Defer} defer
 * @param {string} folder of the wall: where there are several displays, its settings say so
 */
async function startScreen(defer, folder) {
  if (displays === 1) {
    const display = await startDisplay();
    defer(display.stop);
    const { width, height } = display;
    return { ...display, areas: [{ x: 0, y: 0, width, height }], flags: [] };
  }
  const desktop = await startDesktop({ displays: Array.from({ length: displays }, () => SIZE_OF_SEVERAL) });
  defer(desktop.stop);
  const areas = desktop.outputs.all.map(({ x, y, width, height }) => ({ x, y, width, height }));
  const settings = {
    displays: areas.map(({ x, y }, n) => ({ name: `display-${n}`, match: { x, y }, show: ['default'] })),
  };
  const file = join(folder, 'displays.json');
  await writeFile(file, JSON.stringify(settings));
  return { ...desktop, areas, flags: [`--config=${file}`] };
}

/** @param {import('./lib/program.mjs').StandIn} standIn */
async function signInsAt(standIn) {
  /** @type {import('./lib/program.mjs').RequestRecord[]} */
  const requests = await standIn.control('requests');
  return requests.filter(({ service, action }) => service === 'sts' && action === 'AssumeRole').length;
}

/**
 * @param {string} node
 * @param {Record<string, string>} urls
 * @param {import('./lib/teardown.mjs').Defer} defer
 */
async function startNetwork(node, urls, defer) {
  const main = join(projectRoot, 'src/standin/fault-proxy/main.ts');
  const args = [main, '--urls', JSON.stringify(urls), '--seed', `${seed}`, '--stdin-end'];
  const started = startProcess(node, args, { env: plainEnvironment() });
  defer(started.stop);
  const lines = createInterface({ input: /** @type {import('node:stream').Readable} */ (started.child.stdout) });
  /** @type {string | undefined} */
  let first;
  lines.once('line', (line) => (first = line));
  await waitUntil(() => first ?? !started.isRunning(), { what: 'The fault proxy was not ready', timeoutMs: 60_000 });
  if (first === undefined) throw new Error(`The fault proxy ${await started.ended}: ${started.complaints()}`);
  const { flags, control } = JSON.parse(first);
  const call = async (/** @type {string} */ name, /** @type {object} */ input) => {
    const response = await fetch(`${control.url}/${name}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${control.token}` },
      body: JSON.stringify(input),
    });
    if (!response.ok) throw new Error(`The fault proxy's ${name}: ${await response.text()}`);
  };
  return {
    /** @type {string[]} */ flags,
    on: (/** @type {string} */ name, /** @type {object} */ fault) => call('on', { name, fault }),
    off: (/** @type {string | undefined} */ name) => call('off', name === undefined ? {} : { name }),
  };
}

/** @param {import('./lib/program.mjs').Wall} wall @param {string} script run by the wall's main process */
async function runInMain(wall, script) {
  const address = await waitUntil(() => /ws:\/\/[\d.:]+\/[\w-]+/.exec(wall.complaints())?.[0], {
    what: 'The wall did not say where it can be spoken to',
    timeoutMs: 10_000,
  });
  const socket = new globalThis.WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.addEventListener('error', () => reject(new Error('The wall could not be spoken to')));
    socket.addEventListener('message', resolve);
    socket.addEventListener('open', () =>
      socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: script } })),
    );
  });
  socket.close();
}

/** @param {Entry} a @param {Entry} b */
function byTime(a, b) {
  return a.atMs - b.atMs;
}

/** @param {number} ms */
function clockOf(ms) {
  const seconds = ms / 1000;
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, '0')}`.padStart(7);
}
