import ipaddr from 'ipaddr.js';
import { AppError } from '../../core/errors.ts';

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Hops looked at in a forwarding header: nobody has more proxies, and everybody can write more entries. */
const MOST_HOPS = 20;

/** An address in its one spelling, an IPv4 address in IPv6 clothes as IPv4; undefined for what is none. */
export function canonicalAddress(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  // The library takes short and octal forms of IPv4 too.
  if (!bare.includes(':') && !/^\d{1,3}(\.\d{1,3}){3}$/.test(bare)) return undefined;
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : undefined;
}

/** Ranges such as `10.0.0.0/8`, or single addresses. Throws SETTINGS_INVALID. */
export function parseRanges(texts: readonly string[]): readonly Range[] {
  return texts.map((text) => {
    try {
      const isV4 = /^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?$/.test(text);
      if (!isV4 && !text.includes(':')) throw new Error('no plain address');
      return ipaddr.parseCIDR(text.includes('/') ? text : `${text}/${isV4 ? 32 : 128}`);
    } catch (cause) {
      const sentence = `${JSON.stringify(text.slice(0, 60))} is no address and no range: write one such as 10.0.0.0/8.`;
      throw new AppError('SETTINGS_INVALID', sentence, { cause });
    }
  });
}

/** Whether an address lies in one of the ranges. */
export function isWithin(address: string, ranges: readonly Range[]): boolean {
  if (ranges.length === 0 || !ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return ranges.some(([range, bits]) => parsed.kind() === range.kind() && parsed.match(range, bits));
}

/** Whether an address is one of this machine's own loopback. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}

/**
 * Who asks: the peer, or, where the peer is a trusted proxy, who the proxy says it was. `X-Forwarded-For` is read from its
 * end, where the nearest proxy wrote, and only as far as proxies are trusted; what stands before that, anybody can write.
 * An entry that is no address ends the reading at the hop before it.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: readonly Range[],
): string | undefined {
  let address = peer === undefined ? undefined : canonicalAddress(peer);
  const entries = forwardedFor?.split(',').slice(-MOST_HOPS) ?? [];
  while (address !== undefined && isWithin(address, trusted)) {
    const entry = entries.pop()?.trim();
    const next = entry === undefined ? undefined : canonicalAddress(withoutPort(entry));
    if (next === undefined) break;
    address = next;
  }
  return address;
}

/** What counts as one address where failures are counted: an IPv6 network of 64 bits belongs to one line. */
export function addressKey(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toByteArray().slice(0, 8).join('.');
}

function withoutPort(entry: string): string {
  return entry.replace(/^(\[[^\]]*\]|\d+\.\d+\.\d+\.\d+):\d+$/, '$1');
}
