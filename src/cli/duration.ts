import { AppError } from '../core/errors.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3600_000, d: 86_400_000 };

/** A duration as people write it (`90s`, `30m`, `24h`, `7d`), in ms. `option` names it in the complaint. Throws USAGE. */
export function durationOf(text: unknown, option: string): number {
  const [, number = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(typeof text === 'string' ? text : '') ?? [];
  const ms = Number(number) * (UNITS[unit] ?? 0);
  if (ms > 0) return ms;
  throw new AppError('USAGE', `${option} must be a duration such as 90s, 30m, 24h or 7d.`);
}
