import ipaddr from 'ipaddr.js';
import { AppError } from '../../core/errors.ts';
import { formatAllowRule, parseAllowRule } from '../stores/allow.ts';
import type { AllowRule, DevicePolicy } from './device.ts';

/** Requests in an hour where nothing else is said: a wall makes a few, and 120 where the server asks for its alarms. */
export const USUAL_RATE = 600;
const HIGHEST_RATE = 36_000;
const MOST_RULES = 100;
const MOST_NETWORKS = 32;

/** A policy as people write it. */
export interface PolicyInput {
  /** `store:id[,destination]` each. */
  readonly allow: readonly string[];
  /** CIDR ranges or single addresses; none for anywhere. */
  readonly networks: readonly string[];
  readonly requestsPerHour?: number;
}

/** The policy in its one spelling. Throws USAGE. */
export function policyOf(input: PolicyInput): DevicePolicy {
  const { requestsPerHour = USUAL_RATE } = input;
  if (!Number.isInteger(requestsPerHour) || requestsPerHour < 1 || requestsPerHour > HIGHEST_RATE) {
    throw new AppError('USAGE', `The rate must be a whole number of 1 to ${HIGHEST_RATE} requests in an hour.`);
  }
  const allow = rulesOf([], input.allow.map(parseAllowRule));
  if (allow.length === 0) {
    throw new AppError(
      'USAGE',
      'Say what the device may have with --allow, for example --allow secretsmanager:wall-dashboards.',
    );
  }
  const networks = [...new Set(input.networks.map(networkOf))];
  if (networks.length > MOST_NETWORKS) throw new AppError('USAGE', `Name at most ${MOST_NETWORKS} networks.`);
  return { allow, networks, requestsPerHour };
}

/** The rules with more of them, each once. Throws USAGE for too many. */
export function rulesOf(rules: readonly AllowRule[], more: readonly AllowRule[]): AllowRule[] {
  const all = new Map([...rules, ...more].map((rule) => [formatAllowRule(rule), rule]));
  if (all.size > MOST_RULES) throw new AppError('USAGE', `A device can have at most ${MOST_RULES} rules.`);
  return [...all.values()];
}

/** A CIDR range in its one spelling: bits behind the prefix are 0. Throws USAGE. */
export function networkOf(text: string): string {
  const address = text.includes('/') ? text : `${text}/${text.includes(':') ? '128' : '32'}`;
  // The library takes short and octal forms of IPv4 too, which people mean in different ways.
  const isPlain = text.includes(':') || /^(\d{1,3}\.){3}\d{1,3}(\/\d{1,2})?$/.test(text);
  try {
    if (!isPlain) throw new Error('no plain address');
    const [parsed, bits] = ipaddr.parseCIDR(address);
    const network =
      parsed.kind() === 'ipv4'
        ? ipaddr.IPv4.networkAddressFromCIDR(address).toString()
        : ipaddr.IPv6.networkAddressFromCIDR(address).toString();
    return `${network}/${String(bits)}`;
  } catch (cause) {
    throw new AppError(
      'USAGE',
      `${JSON.stringify(text.slice(0, 60))} is no network: write an address or a range such as 10.1.0.0/16.`,
      { cause },
    );
  }
}
