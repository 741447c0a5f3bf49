// Judges a wall by pictures of its screen and by what was done to it, never by its own word.
import { KINDS } from './faults.mjs';

/**
 * @typedef {{ atMs: number } & (
 *   | { what: 'piece' }
 *   | { what: 'begins', id: number, kind: string, load: number }
 *   | { what: 'ends', id: number }
 *   | { what: 'undone', id: number }
 *   | { what: 'shows', kind: string, load?: number, display?: number }
 *   | { what: 'beat', signIns: number }
 *   | { what: 'broken', name: string, detail: string }
 * )} Entry of the journal, in order. `piece`: a wall was started; `begins`: a fault, when so many pages had been
 *   loaded; `undone`: it could not be done, as where a wall is just starting again; `shows`: the screen shows another kind of thing from here on, or another load of the page (modulo 256); `beat`: the capture goes on, and so many sign-ins have been begun in this piece
 * @typedef {{ name: string, count: number, first: string, display?: number }} Broken
 * @typedef {{ faults: Record<string, number>, undone: Record<string, number>, availability: number, judgedOfAllTime: number, litOfAllTime: number,
 *   longestUnexplainedDarkSeconds: number, signInsPerDay: number, brokenInvariants: Broken[] }} Verdict
 */

/** Signing in, loading and painting on a busy machine. */
const NORMAL_SIGN_IN_MS = 20_000;
/** A page is looked at this often at least; measured generously, for pictures come late on a busy machine. */
const CHECK_MS = 12_000;
const FIRST_STEP_MS = 5_000;
const LONGEST_STEP_MS = 300_000;
/** Sessions that are lost within this time of each other are tried again more and more slowly. */
const LOSSES_APART_MS = 620_000;
/** So are pages that end. */
const ENDS_APART_MS = 240_000;
/** Pictures are taken every now and then, and their times are those of another clock. */
const PICTURE_LATE_MS = 500;
/** Beside what faults call for: renewals by age, and one for each start. */
const SIGN_INS_OF_A_FAULT = 8;

/**
 * Dark is every moment without a dashboard on the screen. It is excused from the beginning of a fault that can have caused it until its end,
 * and then for one step of the backoff and a normal sign-in; longer only where another fault keeps the wall from coming back. Several
 * displays are judged one by one, and the worst of each counts.
 *
 * @param {readonly Entry[]} journal
 * @param {{ renewEverySeconds: number }} wall
 * @returns {Verdict}
 */
export function judge(journal, wall) {
  const displays = new Set(journal.flatMap((entry) => (entry.what === 'shows' ? [entry.display ?? 0] : [0])));
  const verdicts = [...displays].sort().map((display) => ({
    display,
    verdict: judgeDisplay(
      journal.filter((entry) => entry.what !== 'shows' || (entry.display ?? 0) === display),
      wall,
    ),
  }));
  const all = verdicts.map(({ verdict }) => verdict);
  const [first] = all;
  const least = (/** @type {'availability' | 'judgedOfAllTime' | 'litOfAllTime'} */ name) =>
    Math.min(...all.map((one) => one[name]));
  const brokenInvariants = verdicts.flatMap(({ display, verdict }) =>
    verdict.brokenInvariants.map((one) => (all.length > 1 ? { ...one, display } : one)),
  );
  return {
    ...first,
    availability: least('availability'),
    judgedOfAllTime: least('judgedOfAllTime'),
    litOfAllTime: least('litOfAllTime'),
    longestUnexplainedDarkSeconds: Math.max(...all.map((one) => one.longestUnexplainedDarkSeconds)),
    brokenInvariants,
  };
}

/**
 * @param {readonly Entry[]} journal what was to be seen on one display, and all else
 * @param {{ renewEverySeconds: number }} wall
 * @returns {Verdict}
 */
function judgeDisplay(journal, { renewEverySeconds }) {
  const endMs = journal.at(-1)?.atMs ?? 0;
  const faults = faultsOf(journal, endMs);
  const pieces = journal.filter(({ what }) => what === 'piece').map(({ atMs }) => atMs);
  const windows = windowsOf(faults, pieces, journal);
  /** @type {Map<string, Broken>} */
  const broken = new Map();
  const breaks = (/** @type {string} */ name, /** @type {number} */ atMs, detail = '') => {
    const known = broken.get(name);
    if (known) known.count += 1;
    else broken.set(name, { name, count: 1, first: `at ${(atMs / 1000).toFixed(1)} s: ${detail}` });
  };
  for (const entry of journal) if (entry.what === 'broken') breaks(entry.name, entry.atMs, entry.detail);

  const isExcused = (/** @type {number} */ atMs) =>
    windows.some(({ fromMs, untilMs }) => atMs >= fromMs && atMs <= untilMs);
  let [lit, dark, judgedLit, longest] = [0, 0, 0, 0];
  let before = '';
  for (const { kind, fromMs, toMs } of stretchesOf(journal, endMs)) {
    const isLit = kind === 'dashboard';
    const excused = lengthWithin(windows, fromMs, toMs);
    if (isLit) {
      lit += toMs - fromMs;
      judgedLit += toMs - fromMs - excused;
    } else {
      dark += toMs - fromMs - excused;
      longest = Math.max(longest, longestOutside(windows, fromMs, toMs));
      if (before === 'dashboard' && !isExcused(fromMs)) breaks('a picture stands that nothing takes', fromMs, kind);
      const bare = kind === 'blank' || kind === 'unknown';
      // While there is no wall there is nothing that could draw.
      const isOurs = !windows.some(
        ({ takes, fromMs: from, untilMs }) => takes === 'wall' && fromMs <= untilMs && toMs >= from,
      );
      if (bare && isOurs && toMs - fromMs > CHECK_MS) {
        breaks(
          'nothing bare stands for longer than a check',
          fromMs,
          `${kind} for ${Math.round((toMs - fromMs) / 100) / 10} s`,
        );
      }
    }
    before = kind;
  }
  if (before !== 'dashboard') breaks('it ends live', endMs, before);
  const signIns = signInsOf(journal);
  const budget = pieces.length * 3 + (2 * endMs) / 1000 / renewEverySeconds + SIGN_INS_OF_A_FAULT * faults.length;
  if (signIns > budget)
    breaks('sign-ins within the budget', endMs, `${signIns}, at most ${Math.round(budget)} expected`);
  const judged = judgedLit + dark;
  return {
    faults: countsOf(faults.filter(({ isDone }) => isDone).map(({ kind }) => kind)),
    undone: countsOf(faults.filter(({ isDone }) => !isDone).map(({ kind }) => kind)),
    availability: judged === 0 ? 1 : rounded(judgedLit / judged, 6),
    judgedOfAllTime: rounded(judged / endMs, 4),
    litOfAllTime: rounded(lit / endMs, 4),
    longestUnexplainedDarkSeconds: rounded(longest / 1000, 1),
    signInsPerDay: Math.round((signIns / endMs) * 86_400_000),
    brokenInvariants: [...broken.values()],
  };
}

/**
 * @typedef {{ kind: string, takes: string, load: number, isDone: boolean, fromMs: number, endMs: number }} Fault
 * @param {readonly Entry[]} journal
 * @param {number} endMs
 * @returns {Fault[]}
 */
function faultsOf(journal, endMs) {
  /** @type {Fault[]} */
  const faults = [];
  const open = new Map();
  for (const entry of journal) {
    if (entry.what === 'begins') {
      const fault = {
        kind: entry.kind,
        takes: KINDS[entry.kind]?.takes ?? 'nothing',
        load: entry.load,
        isDone: true,
        fromMs: entry.atMs,
        endMs,
      };
      open.set(entry.id, fault);
      faults.push(fault);
    } else if (entry.what === 'undone') {
      const fault = open.get(entry.id);
      if (fault) fault.isDone = false;
    } else if (entry.what === 'ends') {
      const fault = open.get(entry.id);
      if (fault) fault.endMs = entry.atMs;
      open.delete(entry.id);
    } else if (entry.what === 'piece') {
      // Whatever was on ended with the wall that it was done to.
      for (const fault of open.values()) fault.endMs = entry.atMs;
      open.clear();
    }
  }
  return faults;
}

/**
 * When the screen may be dark. What takes nothing by itself, such as a network that is gone, excuses nothing by itself either: the picture
 * stands. It only puts off the end of what else is going on. Once a page is on the screen that was loaded after all that, nothing is
 * excused any more.
 *
 * @param {readonly Fault[]} faults
 * @param {readonly number[]} pieces when walls were started
 * @param {readonly Entry[]} journal
 */
function windowsOf(faults, pieces, journal) {
  const started = pieces.map((atMs) => ({ kind: '', takes: 'wall', load: 0, isDone: true, fromMs: atMs, endMs: atMs }));
  const windows = [...faults, ...started]
    .sort((a, b) => a.fromMs - b.fromMs)
    .map((fault) => {
      const stepMs = fault.kind === '' ? 0 : stepAfter(fault, faults);
      return { ...fault, untilMs: fault.endMs + stepMs + NORMAL_SIGN_IN_MS, backMs: backAfter(fault, journal) };
    });
  const excused = windows.filter(({ takes }) => takes !== 'nothing');
  const hindering = windows.filter(({ takes }) => takes === 'nothing');
  for (const window of excused) window.untilMs = Math.min(window.untilMs, window.backMs);
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true;
    for (const window of excused) {
      for (const { fromMs, endMs, untilMs } of hindering) {
        // It must have hindered what was still going on.
        if (fromMs > window.untilMs || endMs < window.fromMs) continue;
        const later = Math.min(untilMs, window.backMs);
        if (later <= window.untilMs) continue;
        window.untilMs = later;
        isQuiet = false;
      }
    }
  }
  return excused;
}

/**
 * When a page came on the screen that was loaded after a fault began; Infinity if none did.
 *
 * @param {Fault} fault
 * @param {readonly Entry[]} journal
 */
function backAfter({ fromMs, load }, journal) {
  const isLater = (/** @type {number} */ shown) => shown !== load % 256 && (shown - load + 65_536) % 256 < 128;
  for (const entry of journal) {
    if (entry.what !== 'shows' || entry.atMs < fromMs || entry.kind !== 'dashboard') continue;
    if (entry.load !== undefined && isLater(entry.load)) return entry.atMs + PICTURE_LATE_MS;
  }
  return Infinity;
}

/**
 * The longest wait that a wall may be in when a fault ends. While a fault lasts, waits double: the next one is at most twice what has
 * passed, and a first step. Sessions that are lost and pages that end soon after each other have made for longer first steps.
 *
 * @param {Fault} fault
 * @param {readonly Fault[]} all
 */
function stepAfter(fault, all) {
  const losses = chainOf(fault, all, 'session', LOSSES_APART_MS);
  const ends = chainOf(fault, all, 'picture', ENDS_APART_MS);
  const firstMs = FIRST_STEP_MS * 2 ** Math.max(0, Math.max(losses, ends) - 1);
  return Math.min(LONGEST_STEP_MS, firstMs + 2 * (fault.endMs - fault.fromMs));
}

/**
 * How many faults of this kind came up to the end of this one, none of them long after the one before.
 *
 * @param {Fault} fault
 * @param {readonly Fault[]} all
 * @param {string} takes
 * @param {number} apartMs
 */
function chainOf(fault, all, takes, apartMs) {
  let count = 0;
  let next = fault.endMs;
  for (const one of all.toReversed()) {
    if (one.takes !== takes || one.fromMs > fault.endMs) continue;
    if (next - one.endMs > apartMs) break;
    count += 1;
    next = one.fromMs;
  }
  return count;
}

/** @param {readonly Entry[]} journal @param {number} endMs */
function stretchesOf(journal, endMs) {
  /** @type {{ kind: string, fromMs: number, toMs: number }[]} */
  const stretches = [];
  for (const entry of journal) {
    if (entry.what !== 'shows' && entry.what !== 'piece') continue;
    const last = stretches.at(-1);
    if (last) last.toMs = entry.atMs;
    stretches.push({ kind: entry.what === 'shows' ? entry.kind : 'blank', fromMs: entry.atMs, toMs: endMs });
  }
  return stretches.filter(({ fromMs, toMs }) => toMs > fromMs);
}

/** @param {readonly { fromMs: number, untilMs: number }[]} windows @param {number} fromMs @param {number} toMs */
function outside(windows, fromMs, toMs) {
  /** @type {[number, number][]} */
  let left = [[fromMs, toMs]];
  for (const window of windows) {
    left = left.flatMap(([from, to]) => {
      if (window.untilMs <= from || window.fromMs >= to) return [[from, to]];
      return /** @type {[number, number][]} */ ([
        [from, window.fromMs],
        [window.untilMs, to],
      ]).filter(([a, b]) => b > a);
    });
  }
  return left;
}

/** @param {readonly { fromMs: number, untilMs: number }[]} windows @param {number} fromMs @param {number} toMs */
function lengthWithin(windows, fromMs, toMs) {
  return toMs - fromMs - outside(windows, fromMs, toMs).reduce((sum, [from, to]) => sum + to - from, 0);
}

/** @param {readonly { fromMs: number, untilMs: number }[]} windows @param {number} fromMs @param {number} toMs */
function longestOutside(windows, fromMs, toMs) {
  return Math.max(0, ...outside(windows, fromMs, toMs).map(([from, to]) => to - from));
}

/** @param {readonly Entry[]} journal */
function signInsOf(journal) {
  let [sum, ofPiece] = [0, 0];
  for (const entry of journal) {
    if (entry.what === 'piece') {
      sum += ofPiece;
      ofPiece = 0;
    } else if (entry.what === 'beat') ofPiece = entry.signIns;
  }
  return sum + ofPiece;
}

/** @param {readonly string[]} names */
function countsOf(names) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** @param {number} value @param {number} digits */
const rounded = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits;
