import { type AuthInfo, type Session, app } from 'electron';
import type { Settings } from '../../core/settings/schema.ts';
import { readCaFile } from '../../node/trust.ts';
import { readAuthorities, trustAuthorities } from './private-ca.ts';

/** Gives an Electron session the proxy and the private authorities of the settings. */
export type PrepareNetwork = (session: Session) => Promise<void>;

/**
 * Reads what the network settings name, once. Throws SETTINGS_UNREADABLE or SETTINGS_INVALID for `network.caFile`.
 * @param now wall-clock ms, for the dates of certificates
 */
export function networkFromSettings(settings: Settings['network'], now: () => number): PrepareNetwork {
  const { caFile, proxy } = settings;
  const authorities = caFile === undefined ? [] : readAuthorities(readCaFile(caFile));
  if (proxy !== 'system' && proxy !== 'none') answerProxyLogin(new URL(proxy));
  return async (session) => {
    trustAuthorities(session, authorities, now);
    if (proxy === 'system') await session.setProxy({ mode: 'system' });
    else if (proxy === 'none') await session.setProxy({ mode: 'direct' });
    else {
      const { protocol, host } = new URL(proxy);
      await session.setProxy({ mode: 'fixed_servers', proxyRules: `${protocol}//${host}` });
    }
  };
}

/** The proxy's user and password, given to that proxy alone. */
function answerProxyLogin(proxy: URL): void {
  if (proxy.username === '') return;
  const asked = new WeakSet<AuthInfo>();
  app.on('login', (event, _contents, _details, info, answer) => {
    if (!info.isProxy || info.host !== proxy.hostname || asked.has(info)) return;
    asked.add(info);
    event.preventDefault();
    answer(decodeURIComponent(proxy.username), decodeURIComponent(proxy.password));
  });
}
