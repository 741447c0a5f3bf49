import type { Chance } from './chance.ts';

/** What befalls a wall, and how often a year. */
export const FAULTS_A_YEAR = {
  'network-outage': 50,
  'network-flapping': 4,
  'server-outage': 20,
  'slow-answers': 20,
  'clock-jump': 12,
  'dst-change': 2,
  sleep: 100,
  'renderer-death': 30,
  'gpu-death': 10,
  'network-service-death': 10,
  'session-revoked': 12,
  'key-rotation': 52,
  'wrong-permissions': 4,
  'display-unplugged': 6,
  alarm: 12,
  'bad-dashboard': 4,
  'data-stop': 12,
  'page-doubted': 12,
  'short-sessions': 4,
  'screen-unlocked': 100,
  'operator-renewal': 12,
} as const;

export type FaultKind = keyof typeof FAULTS_A_YEAR;

export interface Planned {
  /** True time, in ms. */
  readonly at: number;
  readonly kind: FaultKind;
}

export const YEAR_MS = 365 * 86_400_000;

/** When each fault comes; the last days are left free of them, so that what they do is seen. */
export function timetable(years: number, chance: Chance): readonly Planned[] {
  const planned: Planned[] = [];
  const end = years * YEAR_MS;
  for (const kind of Object.keys(FAULTS_A_YEAR) as FaultKind[]) {
    const count = Math.round(FAULTS_A_YEAR[kind] * years);
    for (let n = 0; n < count; n += 1) {
      // Europe's changes: end of March, end of October; the hour does not matter to a clock that counts UTC.
      const dst = (Math.floor(n / 2) + (n % 2 === 0 ? 0.24 : 0.82)) * YEAR_MS;
      planned.push({ at: kind === 'dst-change' ? dst : chance.between(0, end * 0.995), kind });
    }
  }
  return planned.sort((one, other) => one.at - other.at);
}
