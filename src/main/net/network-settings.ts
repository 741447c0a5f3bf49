import { readFile } from 'node:fs/promises';
import { type AuthInfo, type Session, app } from 'electron';
import { AppError } from '../../core/errors.ts';
import type { Settings } from '../../core/settings/schema.ts';
import { readAuthorities, trustAuthorities } from './private-ca.ts';

/** Gives an Electron session the proxy and the private authorities of the settings. */
export type PrepareNetwork = (session: Session) => Promise<void>;

/**
 * Reads what the network settings name, once. Rejects with SETTINGS_UNREADABLE when `network.caFile` cannot be read.
 * @param now wall-clock ms, for the dates of certificates
 */
export async function networkFromSettings(settings: Settings['network'], now: () => number): Promise<PrepareNetwork> {
  const { caFile, proxy } = settings;
  const authorities = caFile === undefined ? [] : await read(caFile);
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

async function read(file: string) {
  try {
    return readAuthorities(await readFile(file, 'utf8'));
  } catch (error) {
    throw new AppError(
      'SETTINGS_UNREADABLE',
      `network.caFile (${file}) cannot be read as PEM certificates. Check the file.`,
      {
        cause: error,
      },
    );
  }
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
