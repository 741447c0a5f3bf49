import { app, session as electronSession } from 'electron';
import { classifyConsolePage } from '../aws/console-page.ts';
import { signInFromSettings } from '../aws/from-settings.ts';
import type { Clock, Fetch, Logger, Random } from '../core/ports.ts';
import type { Settings } from '../core/settings/schema.ts';
import { createNodeFileStore } from '../node/file-store.ts';
import type { Redactor } from '../node/redact.ts';
import { createElectronFetch } from './net/electron-fetch.ts';
import { type NetworkFromSettings, answerLogins, networkFromSettings } from './net/network-settings.ts';
import type { PageKind } from './wall/navigation-guard.ts';
import type { SignedIn } from './wall/wall.ts';

// Where the console sends a browser whose session is over: nobody's address (RFC 2606), which the navigation guard knows.
const ISSUER = 'https://session-ended.vigil.invalid/';

export interface ConsoleSignIn {
  /** One sign-in; rejects with an AppError. */
  readonly run: () => Promise<SignedIn>;
  readonly classify: (url: string) => PageKind;
  readonly network: NetworkFromSettings;
  /** To be told when the network service has died. */
  readonly networkServiceGone: () => void;
}

export interface ConsoleSignInPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly redactor: Redactor;
}

/**
 * The sign-in chain of the settings on Electron's network stack. May be made before Electron is ready: its calls wait for that, while
 * keys are read meanwhile. Throws AppErrors of the settings (SETTINGS_UNREADABLE, SETTINGS_INVALID, SETTINGS_MISSING).
 */
export async function createConsoleSignIn(settings: Settings, ports: ConsoleSignInPorts): Promise<ConsoleSignIn> {
  const { clock, random, logger, redactor } = ports;
  const network = networkFromSettings(settings.network, () => clock.now());
  let made = 0;
  const make = async () => {
    await app.whenReady();
    made += 1;
    // In memory and without a cache: what passes here must not reach the disk.
    const calls = electronSession.fromPartition(`calls-${made}`, { cache: false });
    await network.prepare(calls);
    return createElectronFetch(calls, network.proxyLogin);
  };
  let current = make();
  // Told to each call that waits for it.
  current.catch(() => undefined);
  const fetch: Fetch = async (request) => (await current)(request);
  const signIn = await signInFromSettings(
    settings,
    { fetch, clock, random, files: createNodeFileStore(), logger },
    {
      issuer: ISSUER,
      onSecret: (secret) => {
        redactor.add(secret);
      },
    },
  );
  answerLogins(network.proxyLogin);
  const places = {
    destinationUrl: settings.dashboard.url ?? '',
    issuerUrl: ISSUER,
    federationUrl: signIn.federationUrl,
  };
  return {
    network,
    networkServiceGone: () => {
      // A session that the network service died under never answers again.
      current = make();
      current.catch(() => undefined);
    },
    run: () => signIn.run(),
    classify: (url) => classifyConsolePage(url, places).kind,
  };
}

/** The same sign-in with its first run begun at once; whoever asks first gets that one. */
export function begunEarly(signIn: ConsoleSignIn): ConsoleSignIn {
  let early: Promise<SignedIn> | undefined = signIn.run();
  // Told to whoever asks for it.
  early.catch(() => undefined);
  return {
    ...signIn,
    run: () => {
      const first = early;
      early = undefined;
      return first ?? signIn.run();
    },
  };
}
