/** The dashboard's numbers: a pure function of time, so that every reload and every screen shows the same. */

/** Seconds between points, and points in a chart: a quarter of an hour. */
const STEP_SECONDS = 5;
const POINTS = 181;

export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

/** A fixed value in [0, 1) for an integer: a 32-bit mix (splitmix). */
function hash(seed: number, n: number): number {
  let x = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(n | 0, 0x85ebca6b)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
}

/** Smooth noise in [-1, 1] over `t` (seconds), one new value every `period` seconds. */
function noise(seed: number, t: number, period: number): number {
  const at = t / period;
  const n = Math.floor(at);
  const f = at - n;
  const ease = f * f * (3 - 2 * f);
  return 2 * (hash(seed, n) * (1 - ease) + hash(seed, n + 1) * ease) - 1;
}

/** The shape of a day at a harbour: quiet nights, busy days; 0.55 to 1. */
function dayFactor(t: number): number {
  return 0.78 + 0.22 * Math.sin(((t % 86_400) / 86_400) * 2 * Math.PI - 1.9);
}

/** A metric around `base`, with slow drift, medium swings and jitter, each a part of `base`. */
function metric(seed: number, t: number, base: number, swing: number, jitter: number): number {
  const drift = noise(seed, t, 420) * swing + noise(seed + 101, t, 75) * swing * 0.6;
  return Math.max(0, base * (1 + drift + noise(seed + 202, t, 7) * jitter));
}

/** Now and then something happens: a bump of up to 1 that lasts about two minutes. */
function incident(seed: number, t: number): number {
  const slot = Math.floor(t / 480);
  if (hash(seed, slot) < 0.45) return 0;
  const centre = slot * 480 + 120 + hash(seed + 1, slot) * 240;
  return Math.exp(-(((t - centre) / 45) ** 2));
}

const METRICS = {
  requests: (t: number) => metric(11, t, 4180, 0.16, 0.05) * dayFactor(t),
  p50: (t: number) => metric(21, t, 46, 0.12, 0.06) + 14 * incident(5, t),
  p95: (t: number) => metric(22, t, 118, 0.16, 0.09) + 85 * incident(5, t),
  p99: (t: number) => metric(23, t, 205, 0.18, 0.12) + 190 * incident(5, t),
  errors: (t: number) => metric(31, t, 0.21, 0.3, 0.25) + 1.1 * incident(5, t),
  orders: (t: number) => metric(41, t, 362, 0.14, 0.06) * dayFactor(t),
  sessions: (t: number) => metric(51, t, 12840, 0.06, 0.008) * dayFactor(t),
  web: (t: number) => metric(61, t, 1650, 0.14, 0.04) * dayFactor(t),
  mobile: (t: number) => metric(62, t, 1320, 0.18, 0.05) * dayFactor(t),
  partners: (t: number) => metric(63, t, 760, 0.22, 0.06) * dayFactor(t),
  batch: (t: number) => metric(64, t, 380, 0.4, 0.08),
  cpuApi: (t: number) => Math.min(96, metric(71, t, 47, 0.16, 0.07) + 18 * incident(5, t)),
  cpuWorker: (t: number) => Math.min(96, metric(72, t, 62, 0.2, 0.09)),
  cpuCache: (t: number) => Math.min(96, metric(73, t, 23, 0.18, 0.08)),
  connections: (t: number) => Math.min(98, metric(81, t, 58, 0.14, 0.02) + 15 * incident(5, t)),
  hits: (t: number) => Math.min(99.6, 95.5 + 2.6 * noise(82, t, 90) - 6 * incident(5, t)),
  storage: (t: number) => 71 + 2 * noise(83, t, 3600),
} as const;

type Metric = keyof typeof METRICS;

/** Three digits are plenty on a screen, and keep the answer small. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}

function series(now: number, name: string, of: Metric): Series {
  const values = Array.from({ length: POINTS }, (_, i) => round(METRICS[of](now - (POINTS - 1 - i) * STEP_SECONDS)));
  return { name, values };
}

function tile(now: number, title: string, unit: string, of: Metric, goodWhenLower: boolean): unknown {
  const [value, before] = [METRICS[of](now), METRICS[of](now - 900)];
  const spark = Array.from({ length: 46 }, (_, i) => round(METRICS[of](now - (45 - i) * 20)));
  return {
    title,
    unit,
    value: round(value),
    delta: round(before === 0 ? 0 : ((value - before) / before) * 100),
    goodWhenLower,
    spark,
  };
}

const QUEUES = ['intake', 'pricing', 'billing', 'customs', 'notify', 'exports', 'archive'];
const ALARMS = [
  'api 5xx',
  'api latency',
  'checkout',
  'payments',
  'login',
  'search',
  'db writer',
  'db readers',
  'replica lag',
  'cache',
  'queue age',
  'dead letters',
  'disk',
  'dns',
  'tls expiry',
  'batch',
  'backups',
  'egress',
];

function alarmState(index: number, t: number): 'ok' | 'alarm' | 'unknown' {
  if (index < 2 && incident(5, t) > 0.35) return 'alarm';
  if (index === 16) return 'unknown';
  return hash(900 + index, Math.floor(t / 240)) > 0.965 ? 'alarm' : 'ok';
}

/**
 * Everything but the log, for the moment `nowMs` (ms since the epoch).
 * @param seed a whole number: each has curves of its own, those of another week
 */
export function dashboardData(nowMs: number, seed: number): Record<string, unknown> {
  const end = Math.floor(nowMs / 1000 / STEP_SECONDS) * STEP_SECONDS;
  const t = end + seed * 7 * 86_400;
  return {
    stepSeconds: STEP_SECONDS,
    endsAt: end * 1000,
    tiles: [
      tile(t, 'Requests', '/s', 'requests', false),
      tile(t, 'Latency p99', 'ms', 'p99', true),
      tile(t, 'Error rate', '%', 'errors', true),
      tile(t, 'Bookings', '/min', 'orders', false),
      tile(t, 'Active sessions', '', 'sessions', false),
    ],
    latency: [series(t, 'p50', 'p50'), series(t, 'p95', 'p95'), series(t, 'p99', 'p99')],
    traffic: [
      series(t, 'batch', 'batch'),
      series(t, 'partners', 'partners'),
      series(t, 'mobile', 'mobile'),
      series(t, 'web', 'web'),
    ],
    cpu: [series(t, 'api', 'cpuApi'), series(t, 'workers', 'cpuWorker'), series(t, 'cache', 'cpuCache')],
    queues: QUEUES.map((name, i) => ({
      name,
      value: Math.round(metric(300 + i, t, [420, 310, 260, 190, 150, 90, 60][i] ?? 50, 0.45, 0.1)),
    })),
    gauges: [
      { name: 'DB connections', value: round(METRICS.connections(t)), warn: 75, bad: 90, lowIsBad: false },
      { name: 'Cache hits', value: round(METRICS.hits(t)), warn: 92, bad: 85, lowIsBad: true },
      { name: 'Storage used', value: round(METRICS.storage(t)), warn: 80, bad: 92, lowIsBad: false },
    ],
    alarms: ALARMS.map((name, i) => ({ name, state: alarmState(i, t) })),
  };
}

const LOG_TEXTS: readonly (readonly [level: 'INFO' | 'WARN' | 'ERROR', service: string, text: string])[] = [
  ['INFO', 'checkout', 'booking {n} confirmed in {ms} ms'],
  ['INFO', 'pricing', 'tariff table {n} loaded, 1 284 rows'],
  ['INFO', 'gateway', 'GET /v2/vessels/{n} 200 {ms} ms'],
  ['INFO', 'customs', 'declaration {n} accepted'],
  ['WARN', 'billing', 'retry 1 of 3 for invoice {n}: upstream took {ms} ms'],
  ['INFO', 'notify', 'sent {ms} messages for berth {n}'],
  ['INFO', 'worker', 'job intake-{n} finished in {ms} ms'],
  ['ERROR', 'exports', 'manifest {n} refused: schema version 4 wanted'],
  ['INFO', 'auth', 'session {n} renewed'],
  ['WARN', 'search', 'slow query {ms} ms on index vessels-{n}'],
];

/** The newest log lines, newest first. A line appears every second or two. */
export function logLines(nowMs: number): readonly { time: number; level: string; service: string; text: string }[] {
  const now = Math.floor(nowMs / 1000);
  const lines = [];
  for (let s = now; lines.length < 14; s--) {
    if (hash(700, s) > 0.6) continue;
    const [level, service, text] = LOG_TEXTS[Math.floor(hash(701, s) * LOG_TEXTS.length)] ?? [
      'INFO',
      'worker',
      'ready',
    ];
    const filled = text
      .replace('{n}', String(10_000 + Math.floor(hash(702, s) * 89_999)))
      .replace('{ms}', String(12 + Math.floor(hash(703, s) * 340)));
    lines.push({ time: s * 1000, level, service, text: filled });
  }
  return lines;
}
