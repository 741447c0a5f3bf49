// A fleet of walls against one server, in virtual time, with the product's own session machine and backoff.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { projectRoot } from '../../lib/npm.mjs';

const source = (/** @type {string} */ path) => import(pathToFileURL(join(projectRoot, 'src', path)).href);
const { reduceSession, sessionDeadlines } = await source('core/session/session.ts');
const { IDLE_SESSION, DEFAULT_PACE } = await source('core/session/state.ts');
const { SIGN_IN_BACKOFF } = await source('core/renewal/backoff.ts');

const HOUR = 3_600_000;
/** From a login URL to a dashboard that is painted, in ms: between these. */
const ENTRY_MS = [1_000, 8_000];
/** One way over the network and what else comes before the server's own time, in ms. */
const LINE_MS = 250;
/** As the wall has it. */
const POLICY = {
  backoff: SIGN_IN_BACKOFF,
  attemptMs: 205_000,
  settledMs: 600_000,
  keepPictureMs: 10_000,
  nudges: { most: 12, ms: 3_600_000 },
  pace: DEFAULT_PACE,
};

/** A reproducible source of chance. @param {number} seed */
function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The next event first. Events of one moment come in the order in which they were put in. */
class Agenda {
  /** @type {{ at: number, order: number, run: () => void }[]} */
  #heap = [];
  #order = 0;

  /** @param {number} at @param {() => void} run */
  put(at, run) {
    const heap = this.#heap;
    const one = { at, order: this.#order++, run };
    let i = heap.push(one) - 1;
    for (let up = (i - 1) >> 1; i > 0 && before(one, heap[up]); i = up, up = (i - 1) >> 1)
      [heap[i], heap[up]] = [heap[up], one];
  }

  take() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    heap[0] = last;
    for (let i = 0, down = 1; down < heap.length; i = down, down = 2 * i + 1) {
      if (down + 1 < heap.length && before(heap[down + 1], heap[down])) down++;
      if (!before(heap[down], last)) break;
      [heap[i], heap[down]] = [heap[down], last];
    }
    return first;
  }
}

/** @param {any} a @param {any} b */
const before = (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order);

/**
 * Runs the fleet: installed over an hour, hours of steady state, an outage of an hour, and what follows.
 *
 * @param {{ walls: number, perSecond: number, steadyHours?: number, seed?: number }} options `perSecond` is what the server
 *   answers; requests beyond it wait in a line
 */
export function simulateFleet({ walls, perSecond, steadyHours = 6, seed = 1 }) {
  const random = chance(seed);
  const agenda = new Agenda();
  let now = 0;
  const steadyFrom = 2 * HOUR;
  const outageFrom = steadyFrom + steadyHours * HOUR;
  const outageTo = outageFrom + HOUR;
  const end = outageTo + 4 * HOUR;
  /** Requests that reach for the server, by second. */
  const perSec = new Uint32Array(end / 1000 + 1);
  let serverFreeAt = 0;
  let liveBack = 0;
  let lastBackAt = 0;
  let darkMs = 0;
  const isDown = () => now >= outageFrom && now < outageTo;

  for (let i = 0; i < walls; i++) {
    let session = IDLE_SESSION;
    let armed = 0;
    let isBack = false;
    const step = (/** @type {any} */ event) => {
      const context = {
        now: { wall: now, monotonic: now },
        fraction: random(),
        policy: POLICY,
        needed: true,
        occupied: [],
      };
      const [next, effects] = reduceSession(session, event, context);
      session = next;
      for (const effect of effects) if (effect.type === 'sign-in') signIn(effect.attempt);
      if (session.phase.kind === 'live' && now >= outageTo && !isBack) {
        isBack = true;
        liveBack++;
        lastBackAt = now;
        darkMs += now - outageTo;
      }
      arm();
    };
    const arm = () => {
      const due = sessionDeadlines(session, { needed: true, occupied: [] }).map(
        (/** @type {any} */ one) => one.monotonic,
      );
      const at = Math.max(now + 1, Math.min(...due));
      const mine = ++armed;
      if (Number.isFinite(at)) agenda.put(at, () => mine === armed && step({ type: 'clock' }));
    };
    const signIn = (/** @type {number} */ attempt) => {
      perSec[Math.floor(now / 1000)]++;
      if (isDown()) {
        const failure = { code: 'NETWORK_REFUSED', sentence: 'The server does not answer.' };
        agenda.put(now + LINE_MS, () => step({ type: 'sign-in-failed', attempt, failure }));
        return;
      }
      serverFreeAt = Math.max(serverFreeAt, now + LINE_MS) + 1000 / perSecond;
      agenda.put(serverFreeAt + LINE_MS, () => {
        step({ type: 'signed-in', attempt, lifeMs: HOUR });
        const entry = ENTRY_MS[0] + random() * (ENTRY_MS[1] - ENTRY_MS[0]);
        agenda.put(now + entry, () => step({ type: 'entered', attempt, verified: true }));
      });
    };
    agenda.put(Math.floor(random() * HOUR), () => step({ type: 'start' }));
  }
  for (let one = agenda.take(); one !== undefined && one.at < end; one = agenda.take()) {
    now = one.at;
    one.run();
  }

  const between = (/** @type {number} */ from, /** @type {number} */ to) => perSec.subarray(from / 1000, to / 1000);
  const steady = between(steadyFrom, outageFrom);
  const after = between(outageTo, outageTo + 600_000);
  const meanPerSecond = sum(steady) / steady.length;
  return {
    steady: { meanPerSecond, peakOfFiveMinutes: peakOf(steady, 300) / (meanPerSecond * 300) },
    outage: {
      attemptsPerSecond: sum(between(outageTo - HOUR / 2, outageTo)) / 1800,
      liveAgain: liveBack,
      allLiveAfterSeconds: (lastBackAt - outageTo) / 1000,
      meanDarkSeconds: darkMs / Math.max(1, liveBack) / 1000,
      peakSecond: peakOf(after, 1),
    },
    afterwards: { peakOfFiveMinutes: peakOf(between(outageTo + 600_000, end), 300) / (meanPerSecond * 300) },
    backoff: SIGN_IN_BACKOFF,
  };
}

/** @param {Uint32Array} counts */
const sum = (counts) => counts.reduce((total, one) => total + one, 0);

/** The most in any window of so many seconds. @param {Uint32Array} counts @param {number} seconds */
function peakOf(counts, seconds) {
  let [inside, most] = [0, 0];
  for (let i = 0; i < counts.length; i++) {
    inside += (counts[i] ?? 0) - (i >= seconds ? (counts[i - seconds] ?? 0) : 0);
    most = Math.max(most, inside);
  }
  return most;
}
