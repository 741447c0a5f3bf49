/** What the faults that are on mean for one target, and whether a fault is one. Pure. */
import type { Fault, FaultKind } from './types.ts';

/** Faults of a target, put together: delays add up, the narrowest line and the earliest cut count, and so does the last of those who answer. */
export interface Rules {
  readonly drop?: 'refuse' | 'reset' | 'black-hole';
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
  readonly cutAfterBytes: number;
  /** Who speaks in the target's place. */
  readonly speaker?: Extract<FaultKind, { kind: 'answer' | 'captive' | 'certificate' }>;
}

export const NO_FAULT: Rules = { latencyMs: 0, jitterMs: 0, bytesPerSecond: Infinity, cutAfterBytes: Infinity };

const DROPS = ['refuse', 'reset', 'black-hole'] as const;

/** @param faults in the order in which they were switched on */
export function rulesFor(target: string, faults: Iterable<Fault>): Rules {
  let rules = NO_FAULT;
  for (const fault of faults) if (fault.only?.includes(target) ?? true) rules = withFault(rules, fault);
  return rules;
}

function withFault(rules: Rules, fault: Fault): Rules {
  switch (fault.kind) {
    case 'refuse':
    case 'reset':
    case 'black-hole': {
      const drop = DROPS.find((one) => one === fault.kind || one === rules.drop);
      return drop === undefined ? rules : { ...rules, drop };
    }
    case 'latency':
      return {
        ...rules,
        latencyMs: rules.latencyMs + fault.ms,
        jitterMs: rules.jitterMs + (fault.jitterMs ?? 0),
      };
    case 'throttle':
      return { ...rules, bytesPerSecond: Math.min(rules.bytesPerSecond, fault.bytesPerSecond) };
    case 'cut':
      return { ...rules, cutAfterBytes: Math.min(rules.cutAfterBytes, fault.afterBytes) };
    case 'answer':
    case 'captive':
    case 'certificate':
      return { ...rules, speaker: fault };
    case 'dns':
      return rules;
  }
}

const isNumber = (least: number, most: number) => (value: unknown) =>
  typeof value === 'number' && value >= least && value <= most;
const isOptional = (check: (value: unknown) => boolean) => (value: unknown) => value === undefined || check(value);
const isText = (value: unknown) => typeof value === 'string' && value !== '';
const isDuration = isNumber(0, 3_600_000);

const FIELDS: Readonly<Record<FaultKind['kind'], Readonly<Record<string, (value: unknown) => boolean>>>> = {
  refuse: {},
  reset: {},
  'black-hole': {},
  latency: { ms: isDuration, jitterMs: isOptional(isDuration) },
  throttle: { bytesPerSecond: isNumber(1, Number.MAX_SAFE_INTEGER) },
  cut: { afterBytes: isNumber(0, Number.MAX_SAFE_INTEGER) },
  answer: { status: isNumber(200, 599), retryAfterSeconds: isOptional(isNumber(0, 1e6)) },
  captive: { answer: (value) => value === 'page' || value === 'redirect' },
  certificate: { key: isText, cert: isText },
  dns: {},
};

/** A fault from outside, checked field by field. Throws a TypeError that names the field. */
export function asFault(value: unknown, targets: readonly string[]): Fault {
  const given = Object(value) as Record<string, unknown>;
  const { kind, only } = given;
  const fields =
    typeof kind === 'string' && Object.hasOwn(FIELDS, kind) ? FIELDS[kind as FaultKind['kind']] : undefined;
  if (fields === undefined) throw new TypeError(`A fault's kind is one of ${Object.keys(FIELDS).join(', ')}.`);
  for (const name of new Set([...Object.keys(fields), ...Object.keys(given)])) {
    if (name === 'kind' || name === 'only') continue;
    if (fields[name]?.(given[name]) !== true) throw new TypeError(`The fault ${String(kind)} has a wrong ${name}.`);
  }
  if (only !== undefined) {
    const known = Array.isArray(only) && only.every((one) => typeof one === 'string' && targets.includes(one));
    if (!known) throw new TypeError(`A fault's only lists targets: ${targets.join(', ')}.`);
  }
  return value as Fault;
}
