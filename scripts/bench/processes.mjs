// A program with all that it has started: who they are, what they have used of the processor, what they hold. Linux only.
import { readFile, readdir } from 'node:fs/promises';

/**
 * @typedef {object} ProcessFacts
 * @property {number} pid
 * @property {string} kind `main`, or what Chromium calls it: `renderer`, `gpu-process`, `utility`, `zygote`
 * @property {number} usedMs processor time of its own so far, in user and kernel mode
 * @property {number} leftMs processor time of children of its own that have ended, and of theirs
 * @property {number} threads
 */

/** Linux counts processor time for programs in hundredths of a second, on every machine that Electron runs on. */
const TICK_MS = 10;

/**
 * The process, all that descend from it, and all of its session: a process whose parent has ended is found by that.
 *
 * @param {number} root id of a process that leads a session of its own
 * @returns {Promise<ProcessFacts[]>} the root first; empty when it has ended
 */
export async function processesOf(root) {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = (await Promise.all(names.map((name) => readStat(Number(name))))).flatMap((one) => one ?? []);
  const found = all.filter(({ pid }) => pid === root);
  if (found.length === 0) return [];
  const seen = new Set([root]);
  const add = (/** @type {typeof all} */ some) => {
    for (const one of some) if (!seen.has(one.pid)) found.push((seen.add(one.pid), one));
  };
  add(all.filter(({ session }) => session === root));
  for (const { pid } of found) add(all.filter(({ parent }) => parent === pid));
  return Promise.all(
    found.map(async ({ pid, usedMs, leftMs, threads }) => ({
      pid,
      kind: await kindOf(pid, root),
      usedMs,
      leftMs,
      threads,
    })),
  );
}

/** @param {number} pid */
async function readStat(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The program's name before it, in brackets, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 20) return undefined;
  const number = (/** @type {number} */ at) => Number(fields[at]);
  return {
    pid,
    parent: number(1),
    session: number(3),
    usedMs: (number(11) + number(12)) * TICK_MS,
    leftMs: (number(13) + number(14)) * TICK_MS,
    threads: number(17),
  };
}

/** @param {number} pid @param {number} root */
async function kindOf(pid, root) {
  if (pid === root) return 'main';
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const [, kind, rest = ''] = /--type=([a-z-]+)([^]*)/.exec(line) ?? [];
  const service = /--utility-sub-type=([\w.]+)/.exec(rest)?.[1]?.split('.')[0];
  return kind === undefined ? 'other' : service === undefined ? kind : `${kind}:${service}`;
}

/**
 * Processor time that a program has used since it began: that of all its processes, and of all that have ended, which the
 * kernel keeps with who waited for them.
 *
 * @param {number} root
 * @returns {Promise<{ usedMs: number, byKind: Record<string, number> }>} `byKind` adds up to `usedMs`
 */
export async function processorTimeOf(root) {
  /** @type {Record<string, number>} */
  const byKind = {};
  for (const { kind, usedMs, leftMs } of await processesOf(root)) {
    byKind[kind] = (byKind[kind] ?? 0) + usedMs;
    byKind.ended = (byKind.ended ?? 0) + leftMs;
  }
  return { usedMs: Object.values(byKind).reduce((sum, one) => sum + one, 0), byKind };
}

/**
 * What a program holds: open file descriptors, threads, processes.
 *
 * @param {number} root
 * @returns {Promise<{ descriptors: number, threads: number, processes: number }>}
 */
export async function holdingsOf(root) {
  const all = await processesOf(root);
  const open = await Promise.all(all.map(({ pid }) => readdir(`/proc/${pid}/fd`).catch(() => [])));
  return {
    descriptors: open.reduce((sum, { length }) => sum + length, 0),
    threads: all.reduce((sum, { threads }) => sum + threads, 0),
    processes: all.length,
  };
}

/**
 * @param {string} text of a command line, its arguments divided by `\0`
 * @returns {Promise<number | undefined>} the first process that has it in its own
 */
export async function processWith(text) {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(text)) return Number(name);
  }
  return undefined;
}
