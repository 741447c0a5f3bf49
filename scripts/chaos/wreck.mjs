// Does to a wall, its servers and its network what the plan says, and takes it back.
import { processesOf } from '../bench/processes.mjs';

/**
 * @typedef {{ on: (name: string, fault: object) => Promise<unknown>, off: (name?: string) => Promise<unknown> }} Network
 * @typedef {{ standIn: import('../lib/program.mjs').StandIn, network: Network, roleArn: string, pid: () => number,
 *   runInMain: (script: string) => Promise<void> }} Scene
 * @typedef {import('./faults.mjs').Planned} Planned
 */

const SERVERS = ['autoid', 'sts', 'federation', 'console'];
const SESSION_ENDS = ['redirect', 'silent', 'issuer', 'dialog'];
const DATA_FAULTS = [
  { kind: 'status', status: 500 },
  { kind: 'timeout', ms: 3_000 },
  { kind: 'hang' },
  { kind: 'cut-off' },
];
const HOUR_MS = 3_600_000;
const JUMPS_MS = [2 * HOUR_MS, -2 * HOUR_MS, 26 * HOUR_MS];
const COLOURS = ['#3355aa', '#000000', '#0b0f14', '#ffffff'];

/** @template T @param {readonly T[]} some @param {number} detail 0 to 1 @returns {T} */
const oneOf = (some, detail) => some[Math.min(some.length - 1, Math.floor(detail * some.length))];

/** @type {Record<string, (detail: number) => object>} */
const NETWORK_FAULTS = {
  'network-refused': () => ({ kind: 'refuse' }),
  'network-black-hole': () => ({ kind: 'black-hole' }),
  'network-reset': () => ({ kind: 'reset' }),
  'network-cut': (detail) => ({ kind: 'cut', afterBytes: Math.round(100 + 5_000 * detail) }),
  'network-slow': (detail) => ({ kind: 'latency', ms: Math.round(100 + 900 * detail), jitterMs: 300 }),
  'captive-portal': (detail) => ({ kind: 'captive', answer: oneOf(['page', 'redirect'], detail) }),
  'server-error': (detail) => ({ kind: 'answer', status: 503, only: [oneOf(SERVERS, detail)] }),
  'server-busy': (detail) => ({ kind: 'answer', status: 429, retryAfterSeconds: 5, only: [oneOf(SERVERS, detail)] }),
};

/** @type {Record<string, (detail: number) => object>} */
const TRICKS = {
  bounce: (detail) => ({ kind: 'bounce', by: oneOf(['redirect', 'frame'], detail) }),
  'renderer-hung': () => ({ kind: 'busy' }),
  'renderer-leak': () => ({ kind: 'leak', bytesPerSecond: 400_000_000 }),
  'page-white': () => ({ kind: 'white' }),
  'page-one-colour': (detail) => ({ kind: 'one-colour', colour: oneOf(COLOURS, detail) }),
  'page-error': () => ({ kind: 'error-page' }),
  'page-left': () => ({ kind: 'leave' }),
};

/**
 * @param {Planned & { id: number }} fault
 * @param {Scene} scene
 * @returns {Promise<() => Promise<unknown>>} takes it back
 */
export async function wreck({ kind, detail, id }, scene) {
  const { standIn, network, roleArn } = scene;
  const name = `chaos-${id}`;
  const ofNetwork = NETWORK_FAULTS[kind];
  if (ofNetwork) {
    await network.on(name, ofNetwork(detail));
    return () => network.off(name);
  }
  const trick = TRICKS[kind];
  if (trick) {
    // Whoever asks next does it, of the newest session: that is the page on the wall, but for the moment of a swap.
    const scope = await newestPage(standIn);
    const before = (await standIn.control('dataCalls', { scope })).length;
    await standIn.control('tellPages', { trick: trick(detail), scope });
    return async () => {
      await standIn.control('healPages', { scope: { part: 'main' } });
      /** @type {{ trick?: string }[]} */
      const calls = await standIn.control('dataCalls', { scope });
      if (!calls.slice(before).some((call) => call.trick !== undefined)) throw new Error('no page asked for data');
    };
  }
  switch (kind) {
    case 'data-fail':
      await standIn.control('failData', { fault: oneOf(DATA_FAULTS, detail) });
      return () => standIn.control('healData');
    case 'page-endless':
      await standIn.control('failPages', { fault: { kind: 'endless' } });
      return () => standIn.control('healPages');
    case 'keys-rotated-late':
      await standIn.control('rotateKeys', { publish: false });
      return () => standIn.control('publishKeys');
    case 'role-denied':
      await standIn.control('denyRole', { arn: roleArn });
      return () => standIn.control('allowRole', { arn: roleArn });
    case 'dashboard-denied': {
      /** @type {{ name: string }[]} */
      const all = await standIn.control('dashboards');
      const set = (/** @type {object} */ how) =>
        standIn.control('setDashboards', {
          dashboards: all.map(({ name: dashboard }) => ({ name: dashboard, ...how })),
        });
      await set({ denied: true });
      return () => set({});
    }
    case 'servers-slow':
      await standIn.control('addLatency', { ms: Math.round(200 + 800 * detail) });
      return () => standIn.control('addLatency', { ms: 0 });
    case 'clock-jump': {
      const now = 'globalThis.trueNow ??= Date.now';
      await scene.runInMain(`${now}, Date.now = () => trueNow() + ${oneOf(JUMPS_MS, detail)}, 0`);
      // A wall that has been started again meanwhile has the true time.
      return () => scene.runInMain(`${now}, Date.now = trueNow, 0`);
    }
    case 'session-revoked':
      await standIn.control('setOnSessionEnd', { mode: oneOf(SESSION_ENDS, detail) });
      await standIn.control('endSessionsNow');
      return nothing;
    case 'cookies-gone':
      await standIn.control('failData', { fault: { kind: 'drop-cookies' }, scope: { part: 'main' }, times: 1 });
      return () => standIn.control('healData', { scope: { part: 'main' } });
    case 'network-service-gone':
      await kill(scene, (one) => one.startsWith('utility:network'), detail);
      return nothing;
    case 'renderer-killed':
      await kill(scene, (one) => one === 'renderer', detail);
      return nothing;
    case 'gpu-gone':
      await kill(scene, (one) => one === 'gpu-process', detail);
      return nothing;
    case 'sleep': {
      const all = await processesOf(scene.pid());
      for (const { pid } of all) signal(pid, 'SIGSTOP');
      return async () => {
        for (const { pid } of all.toReversed()) signal(pid, 'SIGCONT');
      };
    }
    case 'main-exception':
      await scene.runInMain("setTimeout(() => { throw new Error('chaos') }), 0");
      return nothing;
    default:
      throw new Error(`No such fault: ${kind}`);
  }
}

const nothing = async () => {};

/** @param {Scene['standIn']} standIn */
async function newestPage(standIn) {
  const loads = await standIn.control('pageLoads');
  return { session: loads.at(-1)?.session ?? 0, part: 'main' };
}

/** @param {Scene} scene @param {(kind: string) => boolean} fits @param {number} detail */
async function kill(scene, fits, detail) {
  const some = (await processesOf(scene.pid())).filter(({ kind }) => fits(kind));
  if (some.length === 0) throw new Error('there was no such process');
  signal(oneOf(some, detail).pid, 'SIGKILL');
}

/** @param {number} pid @param {NodeJS.Signals} name */
function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}
