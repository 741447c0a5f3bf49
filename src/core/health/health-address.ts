/**
 * Whether an address leads to this machine at one of the given ports, so that the guard of the console's views can refuse it before
 * it is asked: names of this machine, its loopback addresses and the unspecified ones, in any spelling that the URL parser reads
 * (`127.1`, `0x7f.1`, `[::ffff:127.0.0.1]`), whatever the scheme. Names elsewhere that lead here are not known from the
 * address; those the server refuses by their Host, or for want of a token. Never throws.
 *
 * @param own this machine's addresses in its networks, asked for only where the port fits
 */
export function isHealthAddress(
  address: string,
  ports: readonly number[],
  own: () => readonly string[] = () => [],
): boolean {
  if (!URL.canParse(address)) return false;
  const { hostname, port, protocol } = new URL(address);
  if (!ports.includes(portOf(port, protocol))) return false;
  const host = hostname.replace(/\.$/, '');
  return isThisMachine(host) || own().some((one) => spellings(one).includes(host));
}

/** An address as the URL parser writes it, as a host; one of IPv4 in IPv6's form too. A zone (`%eth0`) is left out: no URL has one. */
function spellings(address: string): readonly string[] {
  const [bare = ''] = address.split('%');
  const hosts = bare.includes(':') ? [`[${bare}]`] : [bare, `[::ffff:${bare}]`];
  return hosts.flatMap((host) => (URL.canParse(`http://${host}`) ? [new URL(`http://${host}`).hostname] : []));
}

function portOf(port: string, protocol: string): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' || protocol === 'wss:' ? 443 : 80;
}

/** `hostname` as the URL parser writes it: lower case, IPv4 in four decimals, IPv6 in brackets and shortest form. */
function isThisMachine(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true;
  if (/^(127\.|0\.0\.0\.0$)/.test(hostname) && /^[\d.]+$/.test(hostname)) return true;
  // ::ffff:127.0.0.0/104 and ::ffff:0.0.0.0 as the parser writes them.
  return /^\[(::1|::|::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}|::ffff:0:0)\]$/.test(hostname);
}
