// Whether the simulation notices when the core is wrong: copies of the core, each with one mistake in it, live in the simulated world until
// one is caught. Prints the list and the rate; ends with 1 when one gets through.
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pinnedNode } from './lib/npm.mjs';

const HELP = `Usage: npm run simulate:mutants -- [options]

  --years N    how long each wall runs (2)
  --seeds N    how many worlds a mutant must get through (10)
  --jobs N     so many mutants at once (2)
  --only TEXT  those alone whose name holds the text
`;
const ENDS_WITHIN_MS = 120_000;

const BACKOFF = 'core/renewal/backoff.ts';
const DEADLINE = 'core/renewal/deadline.ts';
const RENEWAL = 'core/renewal/renewal-time.ts';
const SESSION = 'core/session/session.ts';
const SURFACE = 'core/surface/surface.ts';
const NOTICE = 'core/surface/notice.ts';

/** @typedef {{ name: string, file: string, from: string, to: string }} Mutant */

/** @type {(name: string, file: string, from: string, to: string) => Mutant} */
const mutant = (name, file, from, to) => ({ name, file, from, to });

const MUTANTS = [
  mutant('no backoff at all', BACKOFF, 'return Math.round(Math.max(wait,', 'return 0 * Math.round(Math.max(wait,'),
  mutant('a backoff that does not grow', BACKOFF, 'policy.firstMs * 2 **', 'policy.firstMs * 1 **'),
  mutant('a backoff without a longest wait', BACKOFF, 'Math.min(doubled, policy.longestMs)', 'doubled'),
  mutant('Retry-After is ignored', BACKOFF, 'Math.min(retryAfterMs, 3_600_000)', '0'),
  mutant('Retry-After is obeyed for ever', BACKOFF, 'Math.min(retryAfterMs, 3_600_000)', 'retryAfterMs'),
  mutant('life by the wall clock only', DEADLINE, ' || now.monotonic >= deadline.monotonic', ''),
  mutant('life by the monotonic clock only', DEADLINE, 'now.wall >= deadline.wall || ', ''),
  mutant(
    'waits by the wall clock',
    DEADLINE,
    'return now.monotonic >= deadline.monotonic;',
    'return now.wall >= deadline.wall;',
  ),
  mutant('renewal after the end', RENEWAL, '0.5 + 0.1 * fraction', '1.5 + 0.1 * fraction'),
  mutant('renewal much too early', RENEWAL, '0.5 + 0.1 * fraction', '0.01 + 0.001 * fraction'),
  mutant(
    'an attempt is never given up',
    SESSION,
    'attempt !== undefined && hasElapsed(attempt.giveUpAt, now)',
    'false',
  ),
  mutant(
    'an attempt that failed is not over',
    SESSION,
    '? fail(session, event.failure, context) : [session, []]',
    '? [session, []] : [session, []]',
  ),
  mutant(
    'a result of another attempt is taken',
    SESSION,
    "attempt?.id !== event.attempt || attempt.step !== 'obtaining'",
    'attempt === undefined',
  ),
  mutant(
    'a failure of another attempt is taken',
    SESSION,
    'attemptOf(phase)?.id === event.attempt',
    'attemptOf(phase) !== undefined',
  ),
  mutant('attempts share an id', SESSION, 'id: session.attempts + 1', 'id: 1'),
  mutant('failures are forgotten', SESSION, 'const failures = attempt.failures + 1;', 'const failures = 1;'),
  mutant('a failed renewal is repeated at once', SESSION, ': hasElapsed(failed.nextTry.until, now);', ': true;'),
  mutant(
    'a wait ends when a nudge might end it',
    SESSION,
    'hasElapsed(phase.nextTry.until, now) ? begin',
    'hasElapsed(phase.nextTry.notBefore, now) ? begin',
  ),
  mutant(
    'a wait never ends by itself',
    SESSION,
    'return hasElapsed(phase.nextTry.until, now) ? begin',
    'return false ? begin',
  ),
  mutant('a wait has no deadline', SESSION, 'return [phase.nextTry.until];', 'return [];'),
  mutant('an attempt has no deadline', SESSION, 'return [phase.attempt.giveUpAt];', 'return [];'),
  mutant(
    'a live session has no deadlines',
    SESSION,
    'return [phase.renewal.failed?.nextTry.until ?? phase.renewal.at, phase.live.endsAt];',
    'return [];',
  ),
  mutant('the end of a live session is ignored', SESSION, 'if (hasCome(phase.live.endsAt, now)) {', 'if (false) {'),
  mutant(
    'renewal is never due',
    SESSION,
    'const due = failed === undefined ? hasCome(phase.renewal.at, now)',
    'const due = failed === undefined ? false',
  ),
  mutant(
    'a renewal that fails takes the picture down',
    SESSION,
    "phase.kind === 'renewing' && !hasCome(phase.live.endsAt, context.now)",
    'false',
  ),
  mutant(
    'darkness is not told',
    SESSION,
    "const effects: SessionEffect[] = [{ type: 'dark', reason }];",
    'const effects: SessionEffect[] = [];',
  ),
  mutant(
    'the old partition is not released',
    SESSION,
    "return [next, session.held === undefined ? [] : [{ type: 'release', partition: session.held }]];",
    'return [next, []];',
  ),
  mutant(
    'the new partition is released',
    SESSION,
    "[{ type: 'release', partition: session.held }]];",
    "[{ type: 'release', partition: attempt.partition }]];",
  ),
  mutant(
    'a dark partition is not released',
    SESSION,
    "if (session.held !== undefined) effects.push({ type: 'release', partition: session.held });",
    '',
  ),
  mutant('one partition for all', SESSION, "partition: session.held === 'a' ? 'b' : 'a'", "partition: 'a'"),
  mutant(
    'a failed attempt is not abandoned',
    SESSION,
    'return [next, [abandon, ...effects]];',
    'return [next, effects];',
  ),
  mutant('a failed renewal is not abandoned', SESSION, '[abandon]];', '[]];'),
  mutant('a loss is ignored', SESSION, 'return onLost(session, event, context);', 'return [session, []];'),
  mutant(
    'every loss is answered at once',
    SESSION,
    'failed === undefined && hasSettled(live, context)',
    'failed === undefined',
  ),
  mutant('quick losses are not counted', SESSION, 'session.losses + 1 : session.losses', '1 : 1'),
  mutant('the picture of a lost session stays', SESSION, '<= context.policy.keepPictureMs', '<= Infinity'),
  mutant('nudges are ignored', SESSION, 'return onNudge(session, context);', 'return [session, []];'),
  mutant(
    'a nudge needs no patience',
    SESSION,
    'if (hasElapsed(nextTry.until, now)) return begin(next, phase.failures, context);',
    'return begin(next, phase.failures, context);',
  ),
  mutant('a nudge during an attempt is forgotten', SESSION, '{ ...phase.attempt, nudged: true }', 'phase.attempt'),
  mutant('nudges without a limit', SESSION, '|| recent.length >= most', ''),
  mutant(
    'an operator begins a second attempt',
    SESSION,
    "if (phase.kind === 'live') return begin(session, phase.renewal",
    "if (phase.kind === 'renewing') return begin(session, 0, context);\n      if (phase.kind === 'live') return begin(session, phase.renewal",
  ),
  mutant(
    'a view counts as shown before it has painted',
    SURFACE,
    "view === undefined ? { kind: 'entering', incoming }",
    "view === undefined ? { kind: 'showing', view: incoming }",
  ),
  mutant('what has painted is not shown', SURFACE, "[{ type: 'raise', attempt: incoming.attempt }]", '[]'),
  mutant(
    'the old view stays open',
    SURFACE,
    "if (old !== undefined) effects.push({ type: 'close', attempt: old.attempt });",
    '',
  ),
  mutant(
    'entering is not reported',
    SURFACE,
    "effects.push({ type: 'report-entered', attempt: incoming.attempt, verified: event.verified });",
    '',
  ),
  mutant(
    'a view that failed stays open',
    SURFACE,
    "      { type: 'close', attempt },\n      { type: 'report-entry-failed'",
    "      { type: 'report-entry-failed'",
  ),
  mutant(
    'a failure to load is not reported',
    SURFACE,
    "      { type: 'report-entry-failed', attempt, failure },\n",
    '',
  ),
  mutant(
    'an abandoned view stays open',
    SURFACE,
    "[withoutIncoming(state), [{ type: 'close', attempt: event.attempt }]]",
    '[withoutIncoming(state), []]',
  ),
  mutant(
    'a view that is gone is closed without a notice',
    SURFACE,
    "[next, [{ type: 'raise-notice' }, { type: 'close', attempt }, ...lost(state, failure)]]",
    "[next, [{ type: 'close', attempt }, ...lost(state, failure)]]",
  ),
  mutant('a view that is gone is not reported', SURFACE, '...lost(state, failure)]];', ']];'),
  mutant(
    'the loss of the live view is not reported',
    SURFACE,
    'return [state, lost(state, event.failure)];',
    'return [state, []];',
  ),
  mutant(
    'the dark leaves the view open',
    SURFACE,
    "[next, [{ type: 'raise-notice' }, { type: 'close', attempt: view.attempt }]]",
    "[next, [{ type: 'raise-notice' }]]",
  ),
  mutant('a notice does not say when', NOTICE, 'nextTryAt: phase.nextTry.until.wall,', ''),
];

const { values } = parseArgs({
  options: {
    years: { type: 'string', default: '2' },
    seeds: { type: 'string', default: '10' },
    jobs: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});
const [seeds, jobs] = [Number(values.seeds), Number(values.jobs)];
const node = (process.features.typescript ? process.execPath : pinnedNode()) ?? process.execPath;
const root = fileURLToPath(new URL('..', import.meta.url));
if (values.help) process.stdout.write(HELP);
else if (!(Number(values.years) > 0 && Number.isInteger(seeds) && seeds > 0 && Number.isInteger(jobs) && jobs > 0)) {
  process.stderr.write(HELP);
  process.exitCode = 2;
} else await main();

async function main() {
  const folder = await mkdtemp(join(tmpdir(), 'vigil-mutants-'));
  try {
    const sound = await judge(folder, 'sound', undefined);
    if (sound !== undefined) throw new Error(`The core as it is does not get through: ${sound}`);
    const waiting = MUTANTS.map((one, index) => ({ one, index })).filter(({ one }) => one.name.includes(values.only));
    const total = waiting.length;
    let caught = 0;
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { one, index } = next;
        const by = await judge(folder, String(index), one);
        if (by !== undefined) caught += 1;
        process.stdout.write(
          `${by === undefined ? 'NOT CAUGHT' : 'caught    '}  ${one.name}${by === undefined ? '' : `: ${by}`}\n`,
        );
      }
    };
    await Promise.all(Array.from({ length: jobs }, work));
    process.stdout.write(`${caught} of ${total} mutants caught, ${((100 * caught) / total).toFixed(1)} %\n`);
    if (caught < total) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * By what a mutant was caught, and in which world; undefined if it got through them all.
 * @param {string} folder
 * @param {string} name
 * @param {Mutant | undefined} change
 */
async function judge(folder, name, change) {
  const home = join(folder, name);
  await mkdir(join(home, 'scripts'), { recursive: true });
  for (const part of ['src/core', 'src/simulator', 'scripts/simulate.mjs', 'scripts/lib/npm.mjs', 'package.json']) {
    await cp(join(root, part), join(home, part), { recursive: true });
  }
  if (change !== undefined) await apply(join(home, 'src', change.file), change);
  for (let seed = 1; seed <= seeds; seed += 1) {
    const reason = await live(home, seed);
    if (reason !== undefined) return `${reason} (seed ${seed})`;
  }
  await rm(home, { recursive: true, force: true });
  return undefined;
}

/**
 * @param {string} file
 * @param {Mutant} change
 */
async function apply(file, { name, from, to }) {
  const source = await readFile(file, 'utf8');
  const pieces = source.split(from);
  if (pieces.length !== 2) {
    throw new Error(
      `${name}: stands ${pieces.length - 1} times in ${file}, not once. The list of mutants must follow the core: ${from}`,
    );
  }
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, pieces.join(to));
}

/**
 * @param {string} home
 * @param {number} seed
 * @returns {Promise<string | undefined>} what was wrong
 */
function live(home, seed) {
  const args = [join(home, 'scripts/simulate.mjs'), '--years', values.years, '--seeds', `${seed}..${seed}`];
  return new Promise((done) => {
    const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: ENDS_WITHIN_MS });
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.once('error', (error) => done(error.message));
    child.once('close', (code) => {
      if (code === 0) done(undefined);
      else done(complaintOf(out));
    });
  });
}

/** @param {string} out */
function complaintOf(out) {
  const [line = ''] = out.split('\n');
  if (line === '') return 'it does not end, or not well';
  const { brokenInvariants, availability, longestUnexplainedDarkSeconds } = JSON.parse(line);
  const [broken] = brokenInvariants;
  if (broken !== undefined) return `${broken.name}, ${broken.count} times`;
  return `dark for ${longestUnexplainedDarkSeconds} s, available for ${(100 * availability).toFixed(4)} %`;
}
