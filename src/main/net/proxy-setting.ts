import type { ProxyConfig } from 'electron';
import { AppError } from '../../core/errors.ts';

export interface ProxyAddress {
  readonly host: string;
  readonly port: number;
}

/** User and password for a proxy that asks for them; undefined where we have none for it. */
export type ProxyLogin = (proxy: ProxyAddress) => { readonly user: string; readonly password: string } | undefined;

/** What `network.proxy` means to Chromium. */
export interface ProxySetting {
  readonly config: ProxyConfig;
  readonly login: ProxyLogin;
}

/** Our scheme → Chromium's, which looks names up at a SOCKS 5 proxy anyway, and knows no SOCKS 4a. */
const SCHEMES: Readonly<Record<string, string>> = {
  'http:': 'http',
  'https:': 'https',
  'socks:': 'socks5',
  'socks5:': 'socks5',
  'socks5h:': 'socks5',
  'socks4:': 'socks4',
};
const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
const PAC = /^pac\+(?=https?:)/;
const VARIABLES = ['http_proxy', 'https_proxy', 'all_proxy'];

/**
 * Reads `network.proxy` as the settings let it through: `system`, `none`, a proxy's URL, or `pac+http(s)://` with the address of a PAC
 * file, each URL with or without a login. A PAC file's login is for every proxy that the file names. Throws SETTINGS_INVALID for what
 * Chromium does not know (SOCKS 4a, a login at a SOCKS proxy).
 * @param env whose proxy variables `system` means, where the desktop has no setting of its own (Chromium on Linux); it leaves the
 *   logins in them out, so those are read here
 */
export function readProxySetting(setting: string, env: Readonly<Record<string, string | undefined>>): ProxySetting {
  if (setting === 'none') return { config: { mode: 'direct' }, login: () => undefined };
  if (setting === 'system') return { config: { mode: 'system' }, login: loginFromEnvironment(env) };
  if (PAC.test(setting)) {
    const address = new URL(setting.replace(PAC, ''));
    const known = loginIn(address);
    address.username = '';
    address.password = '';
    return { config: { mode: 'pac_script', pacScript: address.href }, login: () => known };
  }
  const address = new URL(setting);
  const scheme = SCHEMES[address.protocol];
  if (scheme === undefined) {
    throw new AppError(
      'SETTINGS_INVALID',
      `The wall does not know ${address.protocol}// proxies: use socks5:// in network.proxy.`,
    );
  }
  if (scheme.startsWith('socks') && address.username !== '') {
    throw new AppError(
      'SETTINGS_INVALID',
      'The wall cannot log in at a SOCKS proxy: name one without a login, or an http or https proxy, in network.proxy.',
    );
  }
  return {
    // What is on this machine is reached directly; Chromium does so by itself.
    config: { mode: 'fixed_servers', proxyRules: `${scheme}://${address.host}` },
    login: loginAt([address]),
  };
}

function loginFromEnvironment(env: Readonly<Record<string, string | undefined>>): ProxyLogin {
  const addresses = VARIABLES.flatMap((name) => {
    const value = env[name] ?? env[name.toUpperCase()] ?? '';
    const url = value.includes('://') ? value : `http://${value}`;
    return value !== '' && URL.canParse(url) ? [new URL(url)] : [];
  });
  return loginAt(addresses);
}

function loginAt(addresses: readonly URL[]): ProxyLogin {
  return (proxy) => {
    const address = addresses.find((one) => one.username !== '' && isAt(one, proxy));
    return address === undefined ? undefined : loginIn(address);
  };
}

function isAt(address: URL, { host, port }: ProxyAddress): boolean {
  const bare = (name: string) => name.toLowerCase().replace(/^\[|\]$/g, '');
  const own = address.port === '' ? PORTS[address.protocol] : Number(address.port);
  return bare(address.hostname) === bare(host) && own === port;
}

function loginIn(address: URL): { user: string; password: string } | undefined {
  const plain = (text: string) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  return address.username === '' ? undefined : { user: plain(address.username), password: plain(address.password) };
}
