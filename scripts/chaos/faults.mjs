// What chaos does to a wall, and which faults follow each other.

/**
 * @typedef {'nothing' | 'session' | 'picture' | 'wall'} Takes what a fault can take from a wall: nothing that it shows; a
 *   session, whose page may draw over itself then; the picture; all of it
 * @typedef {{ kind: string, takes: Takes, atMs: number, ms: number, detail: number }} Planned `detail`: 0 to 1, for what a
 *   kind leaves open
 */

/**
 * By kind: how often compared with others, what it takes, and how long it lasts, in seconds.
 *
 * @type {Record<string, { weight: number, takes: Takes, seconds: [number, number] }>}
 */
export const KINDS = {
  'network-refused': { weight: 3, takes: 'nothing', seconds: [3, 40] },
  'network-black-hole': { weight: 3, takes: 'nothing', seconds: [5, 70] },
  'network-reset': { weight: 2, takes: 'nothing', seconds: [3, 30] },
  'network-cut': { weight: 2, takes: 'nothing', seconds: [5, 30] },
  'network-slow': { weight: 2, takes: 'nothing', seconds: [10, 40] },
  'captive-portal': { weight: 2, takes: 'nothing', seconds: [5, 40] },
  'server-error': { weight: 3, takes: 'nothing', seconds: [5, 40] },
  'server-busy': { weight: 2, takes: 'nothing', seconds: [5, 30] },
  'data-fail': { weight: 2, takes: 'nothing', seconds: [5, 40] },
  'page-endless': { weight: 1, takes: 'nothing', seconds: [10, 40] },
  'keys-rotated-late': { weight: 2, takes: 'nothing', seconds: [5, 40] },
  'role-denied': { weight: 2, takes: 'nothing', seconds: [5, 40] },
  bounce: { weight: 1, takes: 'session', seconds: [2, 3] },
  'servers-slow': { weight: 1, takes: 'nothing', seconds: [5, 30] },
  sleep: { weight: 2, takes: 'nothing', seconds: [3, 15] },
  'clock-jump': { weight: 1, takes: 'session', seconds: [5, 20] },
  'session-revoked': { weight: 2, takes: 'session', seconds: [1, 1] },
  'cookies-gone': { weight: 1, takes: 'session', seconds: [2, 3] },
  'network-service-gone': { weight: 1, takes: 'session', seconds: [1, 1] },
  'renderer-killed': { weight: 2, takes: 'picture', seconds: [1, 1] },
  'renderer-hung': { weight: 1, takes: 'picture', seconds: [10, 10] },
  'renderer-leak': { weight: 1, takes: 'picture', seconds: [10, 10] },
  'page-white': { weight: 1, takes: 'picture', seconds: [10, 10] },
  'page-one-colour': { weight: 1, takes: 'picture', seconds: [10, 10] },
  'page-error': { weight: 1, takes: 'picture', seconds: [10, 10] },
  'page-left': { weight: 1, takes: 'picture', seconds: [3, 3] },
  'dashboard-denied': { weight: 1, takes: 'picture', seconds: [5, 20] },
  'gpu-gone': { weight: 1, takes: 'picture', seconds: [5, 5] },
  'main-exception': { weight: 1, takes: 'wall', seconds: [3, 3] },
};

/** Nothing happens before the wall is live, and for so long at the end that it can be again. */
const FIRST_MS = 15_000;
const QUIET_AT_END_MS = 60_000;
/** From the beginning of a fault to that of the next. */
const APART_MS = [8_000, 45_000];
/** A wall that ends soon after its start holds back; that is for the tests of its start. */
const WALLS_APART_MS = 720_000;

/**
 * Which faults befall a wall, and when: the same for the same seed.
 *
 * @param {number} seed
 * @param {number} totalMs
 * @param {readonly string[]} [only] kinds: these alone, in turn
 * @returns {Planned[]} by their beginning
 */
export function planFaults(seed, totalMs, only = []) {
  const chance = chanceOf(seed);
  const between = (/** @type {number} */ from, /** @type {number} */ to) => from + (to - from) * chance();
  const weights = Object.values(KINDS).reduce((sum, { weight }) => sum + weight, 0);
  const draw = () => {
    let left = chance() * weights;
    return Object.keys(KINDS).find((kind) => (left -= KINDS[kind].weight) < 0) ?? 'network-refused';
  };
  /** @type {Planned[]} */
  const planned = [];
  let [lastWall, turn] = [0, 0];
  for (let atMs = FIRST_MS; atMs < totalMs - QUIET_AT_END_MS; atMs += between(APART_MS[0], APART_MS[1])) {
    const drawn = draw();
    const kind = only.length > 0 ? only[turn++ % only.length] : drawn;
    const { takes, seconds } = KINDS[kind];
    const ms = Math.min(1000 * between(...seconds), totalMs - QUIET_AT_END_MS - atMs);
    const detail = chance();
    if (takes === 'wall' && lastWall > 0 && atMs - lastWall < WALLS_APART_MS) continue;
    if (takes === 'wall') lastWall = atMs;
    planned.push({ kind, takes, atMs: Math.round(atMs), ms: Math.max(500, Math.round(ms)), detail });
  }
  return planned;
}

/**
 * Uniform in [0, 1): mulberry32.
 *
 * @param {number} seed
 */
function chanceOf(seed) {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
