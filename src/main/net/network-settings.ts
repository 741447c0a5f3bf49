import { type Session, type WebContents, app } from 'electron';
import type { Settings } from '../../core/settings/schema.ts';
import { readCaFile } from '../../node/trust.ts';
import { readAuthorities, trustAuthorities } from './private-ca.ts';
import { followProxy } from './proxy-reload.ts';
import { type ProxyLogin, readProxySetting } from './proxy-setting.ts';

export interface NetworkFromSettings {
  /** Gives an Electron session the proxy and the private authorities of the settings. */
  readonly prepare: (session: Session) => Promise<void>;
  readonly proxyLogin: ProxyLogin;
}

/**
 * Reads what the network settings name, once. Throws SETTINGS_UNREADABLE or SETTINGS_INVALID for `network.caFile`, and SETTINGS_INVALID
 * for a `network.proxy` that Chromium does not know.
 * @param now wall-clock ms, for the dates of certificates
 */
export function networkFromSettings(
  settings: Settings['network'],
  now: () => number,
  env: Readonly<Record<string, string | undefined>> = process.env,
): NetworkFromSettings {
  const { caFile } = settings;
  const authorities = caFile === undefined ? [] : readAuthorities(readCaFile(caFile));
  const { config, login } = readProxySetting(settings.proxy, env);
  return {
    proxyLogin: login,
    prepare: async (session) => {
      trustAuthorities(session, authorities, now);
      await session.setProxy(config);
      followProxy(session);
    },
  };
}

/** Answers to one page at most: each connection of a page that is just beginning may ask, and a password that is wrong gets no further. */
const MOST_ANSWERS = 32;

let loginForPages: ProxyLogin | undefined;
let isAnswering = false;

/**
 * Answers the proxy's question for user and password, for pages; nobody else's questions are answered, for they would show a dialog or
 * give the password away. One answer for an address: a password that is wrong would be asked for again without end. Called again, it
 * answers with the new login.
 */
export function answerLogins(proxyLogin: ProxyLogin | undefined): void {
  loginForPages = proxyLogin;
  if (isAnswering) return;
  isAnswering = true;
  const answeredTo = new WeakMap<WebContents, Set<string>>();
  app.on('login', (event, page, { url }, info, answer) => {
    event.preventDefault();
    // A call that is nobody's page may ask, too, whatever the type says.
    const contents = page as WebContents | undefined;
    const answered = (contents && answeredTo.get(contents)) ?? new Set();
    const login =
      info.isProxy && answered.size < MOST_ANSWERS && !answered.has(url) ? loginForPages?.(info) : undefined;
    if (contents === undefined || login === undefined) {
      answer();
      return;
    }
    answeredTo.set(contents, answered.add(url));
    answer(login.user, login.password);
  });
}
