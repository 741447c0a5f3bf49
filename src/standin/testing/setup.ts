/** What the stand-in's own tests share: a stand-in with a clock of its own, and a browser reduced to redirects and cookies. */
import { generateKeyPairSync } from 'node:crypto';
import { request } from 'node:http';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { AssumeRoleCommandInput } from '@aws-sdk/client-sts';
import { toOpenSsh } from '../autoid-keys.ts';
import type { KeySet } from '../autoid-keys.ts';
import { startStandin } from '../index.ts';
import type { Standin, StandinOptions } from '../index.ts';

export const ROLE = 'arn:aws:iam::111122223333:role/Wall';
export const CHAINED_ROLE = 'arn:aws:iam::111122223333:role/Chained';
export const USER = { name: 'wall', accessKeyId: 'AKIAWALL', secretAccessKey: 'user-secret' };
export const READER = { name: 'reader', accessKeyId: 'AKIAREADER', secretAccessKey: 'reader-secret', allow: ['*'] };

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** Real key pair, short entropy: quick to make. */
export function smallKeys(): KeySet {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const line = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'.repeat(34).slice(0, 2048);
  return {
    entropy: Array.from({ length: 2048 }, (_, i) => line.slice(i % 2000) + line.slice(0, i % 2000) + '\n').join(''),
    publicKey: toOpenSsh(pair.publicKey),
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

export interface Stage extends Standin {
  /** Moves the stand-in's clock. */
  advance(ms: number): void;
}

const keys = smallKeys();

export async function startStage(options: StandinOptions = {}): Promise<Stage> {
  let offset = 0;
  const standin = await startStandin({
    keys,
    users: [USER, READER],
    roles: {
      [ROLE]: { maxSessionDurationSeconds: 7200 },
      [CHAINED_ROLE]: { maxSessionDurationSeconds: 43200 },
    },
    secrets: { 'wall-dashboards': 'first' },
    dashboards: [{ name: 'Main' }, { name: 'Restricted', denied: true }, { name: 'Half', deniedWidget: true }],
    objects: { keys: { 'info2048.bin': Buffer.from('entropy'), 'folder/a b+c.txt': Buffer.from('odd name') } },
    ...options,
    now: () => Date.now() + offset,
  });
  return { ...standin, advance: (ms) => void (offset += ms) };
}

/** A client that never retries and does not correct its clock by what the server says. */
export function stsClient(
  stage: Standin,
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } = USER,
  region = 'eu-west-1',
): STSClient {
  return new STSClient({ region, endpoint: stage.urls.sts, credentials, maxAttempts: 1 });
}

export async function assume(
  stage: Standin,
  input: Partial<AssumeRoleCommandInput> = {},
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string },
): Promise<Credentials> {
  const command = new AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: 'wall', ...input });
  const { Credentials: c } = await stsClient(stage, credentials).send(command);
  return {
    accessKeyId: c?.AccessKeyId ?? '',
    secretAccessKey: c?.SecretAccessKey ?? '',
    sessionToken: c?.SessionToken ?? '',
  };
}

export function askSigninToken(stage: Standin, c: Credentials, duration?: string): Promise<Response> {
  const session = { sessionId: c.accessKeyId, sessionKey: c.secretAccessKey, sessionToken: c.sessionToken };
  const body = new URLSearchParams({ Action: 'getSigninToken', Session: JSON.stringify(session) });
  if (duration !== undefined) body.set('SessionDuration', duration);
  return fetch(stage.urls.federation, { method: 'POST', body });
}

export async function signinToken(stage: Standin, c?: Credentials, duration?: string): Promise<string> {
  const response = await askSigninToken(stage, c ?? (await assume(stage)), duration);
  const { SigninToken } = (await response.json()) as { SigninToken: string };
  return SigninToken;
}

export function loginUrl(stage: Standin, token: string, more: Record<string, string> = {}): string {
  const destination = `${stage.urls.console}/cloudwatch/home?region=eu-west-1#dashboards:name=Main`;
  return `${stage.urls.federation}?${String(new URLSearchParams({ Action: 'login', Issuer: 'https://vigil.invalid/ended', Destination: destination, SigninToken: token, ...more }))}`;
}

export interface Page {
  readonly status: number;
  readonly url: string;
  readonly body: string;
  readonly hops: readonly string[];
}

/** Follows redirects on loopback whatever the host is called, and keeps cookies by domain, as a browser does. */
export class Browser {
  readonly #jar = new Map<string, Map<string, string>>();

  cookies(domain: string): ReadonlyMap<string, string> {
    return this.#jar.get(domain) ?? new Map();
  }

  async open(address: string): Promise<Page> {
    const hops: string[] = [];
    let url = new URL(address);
    for (;;) {
      hops.push(url.href);
      if (url.protocol !== 'http:') return { status: 0, url: url.href, body: '', hops };
      const { status, location, setCookies, body } = await this.#once(url);
      for (const line of setCookies) this.#store(line);
      if (location === undefined) return { status, url: url.href, body, hops };
      const next = new URL(location, url);
      if (next.hash === '') next.hash = url.hash;
      if (!/(^|\.)(localhost|127\.0\.0\.1)$/.test(next.hostname)) return { status: 0, url: next.href, body: '', hops };
      url = next;
    }
  }

  #store(line: string): void {
    const [pair = '', ...flags] = line.split('; ');
    const [name = '', value = ''] = pair.split('=');
    const domain = flags.find((flag) => flag.startsWith('Domain='))?.slice(7) ?? '';
    const jar = this.#jar.get(domain) ?? new Map<string, string>();
    this.#jar.set(domain, jar);
    if (flags.includes('Max-Age=0')) jar.delete(name);
    else jar.set(name, value);
  }

  #once(url: URL): Promise<{ status: number; location: string | undefined; setCookies: string[]; body: string }> {
    const cookies = [...this.#jar]
      .filter(([domain]) => url.hostname === domain || url.hostname.endsWith(`.${domain}`))
      .flatMap(([, jar]) => [...jar].map(([name, value]) => `${name}=${value}`));
    return new Promise((resolve, reject) => {
      const headers = { host: url.host, cookie: cookies.join('; ') };
      const sent = request(
        { host: '127.0.0.1', port: url.port, path: url.pathname + url.search, headers, agent: false },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              location: response.headers.location,
              setCookies: response.headers['set-cookie'] ?? [],
              body: Buffer.concat(chunks).toString('utf8'),
            }),
          );
        },
      );
      sent.on('error', reject).end();
    });
  }
}
