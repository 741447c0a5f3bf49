import { type Session, app } from 'electron';
import type { Settings } from '../../core/settings/schema.ts';
import { readCaFile } from '../../node/trust.ts';
import { readAuthorities, trustAuthorities } from './private-ca.ts';

/** Who the proxy knows us as. */
export interface ProxyLogin {
  readonly host: string;
  readonly user: string;
  readonly password: string;
}

export interface NetworkFromSettings {
  /** Gives an Electron session the proxy and the private authorities of the settings. */
  readonly prepare: (session: Session) => Promise<void>;
  readonly proxyLogin?: ProxyLogin;
}

/**
 * Reads what the network settings name, once. Throws SETTINGS_UNREADABLE or SETTINGS_INVALID for `network.caFile`.
 * @param now wall-clock ms, for the dates of certificates
 */
export function networkFromSettings(settings: Settings['network'], now: () => number): NetworkFromSettings {
  const { caFile, proxy } = settings;
  const authorities = caFile === undefined ? [] : readAuthorities(readCaFile(caFile));
  const address = proxy === 'system' || proxy === 'none' ? undefined : new URL(proxy);
  const proxyLogin = address === undefined || address.username === '' ? undefined : loginOf(address);
  return {
    ...(proxyLogin === undefined ? {} : { proxyLogin }),
    prepare: async (session) => {
      trustAuthorities(session, authorities, now);
      if (address !== undefined) {
        // What is on this machine is reached directly; Chromium does so by itself.
        await session.setProxy({ mode: 'fixed_servers', proxyRules: `${address.protocol}//${address.host}` });
      } else await session.setProxy({ mode: proxy === 'none' ? 'direct' : 'system' });
    },
  };
}

function loginOf(address: URL): ProxyLogin {
  const plain = (text: string) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  return { host: address.hostname, user: plain(address.username), password: plain(address.password) };
}

/**
 * Answers the proxy's question for user and password, for pages; nobody else's questions are answered, for they would show a dialog or
 * give the password away. One answer a request: a password that is wrong would be asked for again without end.
 */
export function answerLogins(proxyLogin: ProxyLogin | undefined): void {
  let answeredAt = '';
  app.on('login', (event, _contents, details, info, answer) => {
    event.preventDefault();
    const key = `${details.pid} ${details.url}`;
    if (proxyLogin === undefined || !info.isProxy || info.host !== proxyLogin.host || key === answeredAt) {
      answer();
      return;
    }
    answeredAt = key;
    answer(proxyLogin.user, proxyLogin.password);
  });
}
