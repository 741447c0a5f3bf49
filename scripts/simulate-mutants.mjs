// Whether the simulation notices when the core is wrong: copies of the core, each with one mistake in it, live in the simulated world until
// one is caught.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pinnedNode } from './lib/npm.mjs';

const HELP = `Usage: npm run simulate:mutants -- [options]

  --years N      how long each wall runs (2)
  --seeds N      how many worlds a mutant must get through (12)
  --jobs N       so many mutants at once (2)
  --only TEXT    those alone whose name holds the text
  --resume FILE  keeps what was found in the file, and does not look again for what is in it of the same core and simulator
  --minutes N    begins no more mutants after so long: with --resume, the list in pieces
  --check        only whether each mutant still has its place in the core

A mutant's life ends as soon as it is caught. Prints a line for each mutant and the rate; ends with 1 when one gets through, with 3 when
some are left for another time.
`;
const ENDS_WITHIN_MS = 120_000;
/** What the verdict on the core as it is goes by. */
const SOUND = 'the core as it is';

const BACKOFF = 'core/renewal/backoff.ts';
const DEADLINE = 'core/renewal/deadline.ts';
const RENEWAL = 'core/renewal/renewal-time.ts';
const SESSION = 'core/session/session.ts';
const SURFACE = 'core/surface/surface.ts';
const SETTLE = 'core/surface/settle.ts';
const FRESHNESS = 'core/surface/freshness.ts';
const WALL = 'core/wall/wall.ts';
const OUTLOOK = 'core/wall/outlook.ts';
const FACE = 'core/wall/face.ts';

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
    "? fail(session, event.failure, context, event.type === 'entry-failed')",
    '? [session, []]',
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
    'return attemptOf(phase)?.id === event.attempt',
    'return attemptOf(phase) !== undefined',
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
  mutant('a wait has no deadline', SESSION, 'return needed ? waitDeadlines(phase) : [];', 'return [];'),
  mutant('an attempt has no deadline', SESSION, 'return [phase.attempt.giveUpAt];', 'return [];'),
  mutant(
    'a live session has no deadlines',
    SESSION,
    'return [...due, live.endsAt, ...(isOccupied',
    'return [...(isOccupied',
  ),
  mutant('the end of a live session is ignored', SESSION, 'if (hasCome(phase.live.endsAt, now)) {', 'if (false) {'),
  mutant(
    'a session is signed in though nobody needs it',
    WALL,
    'return this.#turn.isNeeded(this.#name);',
    'return true;',
  ),
  mutant(
    'a good picture gives way to a new sign-in',
    SESSION,
    'partition !== held && !occupied.includes(partition)',
    'partition !== held',
  ),
  mutant('renewal is never due', SESSION, '? hasCome(phase.renewal.at, now) &&', '? false &&'),
  mutant('sign-ins without a pace', SESSION, 'return pacedTo - pace.everyMs * (pace.atOnce - 1);', 'return -Infinity;'),
  mutant('a pace that nothing is counted for', SESSION, '+ everyMs;\n  const base', '+ 0 * everyMs;\n  const base'),
  mutant(
    'a renewal that fails takes the picture down',
    SESSION,
    "phase.kind === 'renewing' && !hasCome(phase.live.endsAt, context.now)",
    'false',
  ),
  mutant('darkness is not told', SESSION, "[{ type: 'dark', reason: failed.reason }]];", '[]];'),
  mutant('one partition for all', SESSION, 'partition: partitionFor(session, context)', "partition: 'a'"),
  mutant(
    'a failed attempt is not abandoned',
    SESSION,
    'return [dark, [abandon, ...effects]];',
    'return [dark, effects];',
  ),
  mutant('a failed renewal is not abandoned', SESSION, '      [abandon],', '      [],'),
  mutant('a loss is ignored', SESSION, 'return onLost(session, event, context);', 'return [session, []];'),
  mutant(
    'every loss is answered at once',
    SESSION,
    'if (failed === undefined && hasSettled(live, context)) {',
    'if (failed === undefined) {',
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
    "if (phase.kind === 'live' && !isBlocked(session, context))",
    "if (phase.kind === 'renewing') return begin(session, 0, context);\n      if (phase.kind === 'live' && !isBlocked(session, context))",
  ),
  mutant(
    'what has painted is raised without a proof',
    SETTLE,
    'if (incoming.painted !== undefined && isItsTime',
    'if (isItsTime',
  ),
  mutant('what has painted is not shown', SURFACE, "[{ type: 'raise', view: view.id }]", '[]'),
  mutant(
    'the old view stays open',
    SURFACE,
    "if (old !== undefined) effects.push({ type: 'close', view: old.view.id });",
    '',
  ),
  mutant('entering is not reported', SURFACE, "[{ type: 'report-entered', view, verified }]", '[]'),
  mutant(
    'a view that failed stays open',
    SURFACE,
    "[{ type: 'close', view: view.id }, ...entryFailed(incoming, failure)]",
    '[...entryFailed(incoming, failure)]',
  ),
  mutant('a failed entry is not reported', SURFACE, "[{ type: 'report-entry-failed', view, failure }]", '[]'),
  mutant(
    'a failed load is repeated at once',
    SURFACE,
    'nextTry: { until: after(now, ms), notBefore }',
    'nextTry: { until: now, notBefore }',
  ),
  mutant(
    'loads that fail are never tried again',
    SETTLE,
    'return trouble === undefined || hasElapsed(trouble.nextTry.until, now);',
    'return trouble === undefined;',
  ),
  mutant(
    'a picture that is gone keeps the screen',
    SURFACE,
    "[{ type: 'cover' }, { type: 'close', view: shown.view.id }]];",
    "[{ type: 'close', view: shown.view.id }]];",
  ),
  mutant(
    'a dark view stays open',
    SURFACE,
    "[{ type: 'cover' }, { type: 'close', view: shown.view.id }]];",
    "[{ type: 'cover' }]];",
  ),
  mutant(
    'a view that is gone is not noticed',
    SURFACE,
    'return onGone(surface, event, context);',
    'return [surface, []];',
  ),
  mutant(
    'quick deaths of views are not counted',
    SURFACE,
    'isSettled(shown, context.now) ? 1 : surface.deaths + 1',
    '1',
  ),
  mutant(
    'quick deaths are remembered though views have stood since',
    SURFACE,
    'const deaths = hasStood ? 0 : surface.deaths;',
    'const deaths = surface.deaths;',
  ),
  mutant(
    'a page without data counts as fresh',
    SURFACE,
    'const shown: Shown = isBare ?',
    'const shown: Shown = false ?',
  ),
  mutant('data are not noticed', SURFACE, 'return onData(surface, event.view, context.now);', 'return [surface, []];'),
  mutant('doubts are not noticed', SURFACE, 'return onDoubted(surface, event, context);', 'return [surface, []];'),
  mutant('a doubted page is not loaded afresh', SETTLE, 'shown.doubted !== undefined || wantsRefresh', 'wantsRefresh'),
  mutant(
    'the loss of the live view is not reported',
    SURFACE,
    "[{ type: 'report-lost', view: shown.view, failure }]",
    '[]',
  ),
  mutant(
    'a load that led to the sign-in page is no loss',
    SURFACE,
    "if (event.failure.code === 'CONSOLE_SIGNED_OUT')",
    'if (false)',
  ),
  mutant(
    'an unplugged display keeps its views',
    SURFACE,
    "if (shown !== undefined) effects.push({ type: 'close', view: shown.view.id });\n  if (surface.incoming",
    'if (surface.incoming',
  ),
  mutant(
    'a display that comes back stays dark',
    SURFACE,
    "? [{ ...surface, base: { kind: 'notice' } }, [{ type: 'cover' }]]",
    '? [surface, []]',
  ),
  mutant(
    'the night is not black',
    SETTLE,
    "if (wanted === undefined && surface.base.kind !== 'night') return toNight(surface);",
    '',
  ),
  mutant('the next dashboard is raised before its time', SETTLE, 'isItsTime && isWorthRaising', 'isWorthRaising'),
  mutant(
    'the next dashboard is loaded only when its time has come',
    SETTLE,
    'export const VIEW_LEAD_MS = 30_000;',
    'export const VIEW_LEAD_MS = 0;',
  ),
  mutant('what nobody wants any more stays loaded', SETTLE, 'if (!wanted.includes(view.dashboard)) return true;', ''),
  mutant(
    'a view of an older sign-in is loaded to its end',
    SETTLE,
    'return shownOf(surface)?.view.dashboard === view.dashboard || hasCome(view.endsAt, context.now);',
    'return false;',
  ),
  mutant(
    'other surfaces do not follow a renewal',
    SETTLE,
    'if (!isSpent && shown.view.generation === live.generation) return undefined;',
    'if (!isSpent) return undefined;',
  ),
  mutant(
    'the picture of a session that is over stays',
    SETTLE,
    'if (shown !== undefined && isOver(shown, context)) return goDark(surface);',
    '',
  ),
  mutant('a dashboard is never refreshed', FRESHNESS, 'return isStale(shown, dashboard, now);', 'return false;'),
  mutant(
    'stale data are not said to be stale',
    FACE,
    'if (!mustBeSaid(shown, dashboard, context.now)) return { notice };',
    'if (shown !== undefined) return { notice };',
  ),
  mutant('the refresh does not come', FRESHNESS, 'hasCome(after(shown.paintedAt, dashboard.refreshMs), now)', 'false'),
  mutant(
    'a login URL is opened twice',
    OUTLOOK,
    'isTaken(incoming.view)) return entry;',
    'isTaken(incoming.view)) continue;',
  ),
  mutant('a login URL is not opened', OUTLOOK, 'return { ...entry, login:', 'return entry; return { ...entry, login:'),
  mutant(
    'what comes next needs no session',
    OUTLOOK,
    "if (wants.next.kind === 'dashboard' && isSoon(wants, now, SESSION_LEAD_MS)) needed.push(wants.next.dashboard);",
    '',
  ),
  mutant(
    'what is shown needs no session',
    OUTLOOK,
    "if (shown !== undefined && wants.now.kind === 'dashboard') needed.push(shown.view.dashboard);",
    '',
  ),
  mutant(
    'a partition is cleared while it is in use',
    OUTLOOK,
    'if (viewsOf(surface).some((view) => view.session === name && view.partition === partition)) return true;',
    '',
  ),
  mutant(
    'the partition of a live session is cleared',
    OUTLOOK,
    'phase.live.partition === partition) return true;',
    'phase.live.partition === partition) return false;',
  ),
  mutant(
    'the old partition is not cleared',
    WALL,
    "      this.#effects.push({ type: 'clear', session: name, partition });\n    }\n  }",
    '    }\n  }',
  ),
  mutant(
    'what is left in a partition meets the new sign-in',
    WALL,
    'if (this.#used.has(keyOf(name, partition))) this',
    'if (false) this',
  ),
  mutant(
    'a failed attempt leaves its view',
    WALL,
    'if (isIts) this.#apply(surfaceName, ...dropIncoming(surface));',
    '',
  ),
  mutant(
    'a dashboard that never opens holds up the others',
    WALL,
    'if (this.#isHastened(name)) this',
    'if (false) this',
  ),
  mutant(
    'every failure is blamed on a dashboard',
    WALL,
    'if (failed?.byEntry !== true || !hasElapsed',
    'if (failed === undefined || !hasElapsed',
  ),
  mutant(
    'a login URL is for whoever comes first',
    WALL,
    'if (!this.isLoginWaiting) return this.#surfaces.keys();',
    'return this.#surfaces.keys();',
  ),
  mutant('a refused dashboard fails the sign-in', WALL, 'if (isOfDashboard(failure))', 'if (false)'),
  mutant(
    'a lost session is not told of it',
    WALL,
    "this.#tellSession(session, { type: 'lost', partition, failure: effect.failure });",
    '',
  ),
  mutant('cookies that are gone are not missed', WALL, 'this.#onCookiesGone(event.failure);', ''),
  mutant(
    'displays are not noticed',
    WALL,
    "type: event.plugged.includes(name) ? 'plugged' : 'unplugged'",
    "type: 'plugged'",
  ),
  mutant(
    'alarms are not noticed',
    WALL,
    "this.#tellSurface(event.surface, { type: 'alarm', ringing: event.ringing });",
    '',
  ),
];

const { values } = parseArgs({
  options: {
    years: { type: 'string', default: '2' },
    seeds: { type: 'string', default: '12' },
    jobs: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
    resume: { type: 'string' },
    minutes: { type: 'string', default: 'Infinity' },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [years, seeds, jobs, minutes] = [values.years, values.seeds, values.jobs, values.minutes].map(Number);
const node = (process.features.typescript ? process.execPath : pinnedNode()) ?? process.execPath;
const root = fileURLToPath(new URL('..', import.meta.url));
const isSound = years > 0 && Number.isInteger(seeds) && seeds > 0 && Number.isInteger(jobs) && jobs > 0 && minutes > 0;
if (values.help) process.stdout.write(HELP);
else if (!isSound) {
  process.stderr.write(HELP);
  process.exitCode = 2;
} else if (values.check) await check();
else await main();

async function check() {
  for (const one of MUTANTS) await mutated(one);
  process.stdout.write(`${MUTANTS.length} mutants have their place in the core.\n`);
}

async function main() {
  const beginning = Date.now();
  const chosen = MUTANTS.filter(({ name }) => name.includes(values.only));
  const source = await sourceHash();
  const found = await readFound(source);
  const folder = await mkdtemp(join(tmpdir(), 'vigil-mutants-'));
  try {
    for (const one of chosen) await mutated(one);
    if (!found.has(SOUND)) {
      const by = await judge(folder, 'sound', undefined);
      if (by !== undefined) throw new Error(`The core as it is does not get through: ${by}`);
      await keep(source, found, SOUND, undefined);
    }
    const waiting = chosen.filter(({ name }) => !found.has(name));
    const work = async () => {
      while (Date.now() - beginning < minutes * 60_000) {
        const one = waiting.shift();
        if (one === undefined) return;
        await keep(source, found, one.name, await judge(folder, String(MUTANTS.indexOf(one)), one));
      }
    };
    await Promise.all(Array.from({ length: jobs }, work));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  print(chosen, found);
}

/**
 * @param {Mutant[]} chosen
 * @param {Map<string, string | undefined>} found
 */
function print(chosen, found) {
  const judged = chosen.filter(({ name }) => found.has(name));
  for (const { name } of judged) {
    const by = found.get(name);
    process.stdout.write(by === undefined ? `NOT CAUGHT  ${name}\n` : `caught      ${name}: ${by}\n`);
  }
  const caught = judged.filter(({ name }) => found.get(name) !== undefined).length;
  const rate = ((100 * caught) / Math.max(1, judged.length)).toFixed(1);
  process.stdout.write(`${caught} of ${judged.length} mutants caught, ${rate} %\n`);
  if (caught < judged.length) process.exitCode = 1;
  else if (judged.length < chosen.length) {
    process.stdout.write(`${chosen.length - judged.length} are left: once more with the same --resume.\n`);
    process.exitCode = 3;
  }
}

/** What the verdicts hold for: the core and the simulator as they are, and how long they are looked at. */
async function sourceHash() {
  const hash = createHash('sha256').update(`${values.years} ${values.seeds}`);
  for (const folder of ['src/core', 'src/simulator']) {
    const files = await readdir(join(root, folder), { recursive: true });
    for (const file of files.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).sort()) {
      hash.update(file).update(await readFile(join(root, folder, file)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * @param {string} source
 * @returns {Promise<Map<string, string | undefined>>} by what mutants were caught; undefined for those that got through
 */
async function readFound(source) {
  if (values.resume === undefined) return new Map();
  const text = await readFile(values.resume, 'utf8').catch(() => '');
  const lines = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  return new Map(lines.flatMap((line) => (line.source === source ? [[line.key, line.by]] : [])));
}

/**
 * @param {string} source
 * @param {Map<string, string | undefined>} found
 * @param {string} name
 * @param {string | undefined} by
 */
async function keep(source, found, name, by) {
  found.set(name, by);
  if (values.resume === undefined) return;
  await appendFile(values.resume, `${JSON.stringify({ source, key: name, by })}\n`);
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
  // The core reads time zones by a library.
  await symlink(join(root, 'node_modules'), join(home, 'node_modules'), 'junction');
  if (change !== undefined) await writeFile(join(home, 'src', change.file), await mutated(change));
  for (let seed = 1; seed <= seeds; seed += 1) {
    const reason = await live(home, seed);
    if (reason !== undefined) {
      await rm(home, { recursive: true, force: true });
      return `${reason} (seed ${seed})`;
    }
  }
  await rm(home, { recursive: true, force: true });
  return undefined;
}

/**
 * A file of the core with the mistake in it.
 * @param {Mutant} change
 */
async function mutated({ name, file, from, to }) {
  const source = await readFile(join(root, 'src', file), 'utf8');
  const pieces = source.split(from);
  if (pieces.length !== 2) {
    throw new Error(
      `${name}: stands ${pieces.length - 1} times in ${file}, not once. The list of mutants must follow the core: ${from}`,
    );
  }
  return pieces.join(to);
}

/**
 * @param {string} home
 * @param {number} seed
 * @returns {Promise<string | undefined>} what was wrong
 */
function live(home, seed) {
  const args = [
    join(home, 'scripts/simulate.mjs'),
    '--years',
    values.years,
    '--seeds',
    `${seed}..${seed}`,
    '--fail-fast',
  ];
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
