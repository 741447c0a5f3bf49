import { app, session as electronSession } from 'electron';
import { classifyConsolePage, SESSION_ENDED_URL } from '../aws/console-page.ts';
import { autoIdFromSettings } from '../aws/auto-id.ts';
import { signInFromSettings } from '../aws/from-settings.ts';
import type { AlarmQuestion } from '../aws/sign-in.ts';
import type { WallPlan } from '../core/plan/plan.ts';
import type { Clock, Fetch, Logger, Random } from '../core/ports.ts';
import type { Settings } from '../core/settings/schema.ts';
import type { AwsCredentials } from '../credentials/provider.ts';
import { createDeviceFile } from '../node/device-file.ts';
import { createNodeFileStore } from '../node/file-store.ts';
import type { Redactor } from '../node/redact.ts';
import { createElectronFetch } from './net/electron-fetch.ts';
import { type NetworkFromSettings, answerLogins, networkFromSettings } from './net/network-settings.ts';
import type { ConsoleSession } from './wall/session-runtime.ts';

export interface ConsoleSignIns {
  /** By the name of the session. */
  readonly consoles: ReadonlyMap<string, ConsoleSession>;
  readonly network: NetworkFromSettings;
  /** Every call of the main process. */
  readonly fetch: Fetch;
  /** Credentials of a session's role that have not ended; rejects with an AppError. */
  readonly credentialsOf: (session: string, how?: 'fresh') => Promise<AwsCredentials>;
  /** Region of a session's AWS calls. */
  readonly regionOf: (session: string) => string;
  /** Asks the auto-id server which alarms ring, for a session that it signs in; undefined for the others. */
  readonly ringingOf: (session: string, question: AlarmQuestion) => Promise<readonly string[]> | undefined;
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
 * The sign-in chains of the settings' sessions on Electron's network stack, over one key set and one device. May be made before Electron is ready: its
 * calls wait for that, while keys are read meanwhile. Throws AppErrors of the settings (SETTINGS_UNREADABLE, SETTINGS_INVALID,
 * SETTINGS_MISSING).
 */
export async function createConsoleSignIns(
  settings: Settings,
  plan: WallPlan,
  ports: ConsoleSignInPorts,
): Promise<ConsoleSignIns> {
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
  const deviceStore = (path: string) => createDeviceFile({ path });
  const chainPorts = { fetch, clock, random, files: createNodeFileStore(), logger, deviceStore };
  const onSecret = (secret: string) => {
    redactor.add(secret);
  };
  const autoId = await autoIdFromSettings(settings, chainPorts);
  answerLogins(network.proxyLogin);
  const chains = new Map(
    await Promise.all(
      plan.sessions.map(async (session) => {
        const destination = Object.values(plan.dashboards).find((dashboard) => dashboard.session === session);
        const options = { issuer: SESSION_ENDED_URL, autoId, onSecret, session, dashboard: destination?.name ?? '' };
        return [session, await signInFromSettings(settings, chainPorts, options)] as const;
      }),
    ),
  );
  const chainOf = (session: string) => {
    const chain = chains.get(session);
    if (chain === undefined) throw new Error(`no session ${session}`);
    return chain;
  };
  return {
    consoles: new Map(
      [...chains].map(([name, chain]) => [
        name,
        {
          signIn: () => chain.run(),
          classify: (url, dashboardUrl) =>
            classifyConsolePage(url, {
              destinationUrl: dashboardUrl,
              issuerUrl: SESSION_ENDED_URL,
              federationUrl: chain.federationUrl,
            }).kind,
        },
      ]),
    ),
    network,
    fetch,
    credentialsOf: (session, how) => chainOf(session).credentials(how),
    regionOf: (session) => chainOf(session).region,
    ringingOf: (session, question) => chainOf(session).ringing?.(question),
    networkServiceGone: () => {
      // A session that the network service died under never answers again.
      current = make();
      current.catch(() => undefined);
    },
  };
}

/** The same with one session's first sign-in begun at once; whoever asks first gets that one. */
export function begunEarly(signIns: ConsoleSignIns, session: string): ConsoleSignIns {
  const page = signIns.consoles.get(session);
  if (page === undefined) return signIns;
  let early: ReturnType<ConsoleSession['signIn']> | undefined = page.signIn();
  // Told to whoever asks for it.
  early.catch(() => undefined);
  const signIn = () => {
    const first = early;
    early = undefined;
    return first ?? page.signIn();
  };
  return { ...signIns, consoles: new Map([...signIns.consoles, [session, { ...page, signIn }]]) };
}
