import { retryAfterMs } from '../autoid/retry-after.ts';
import { orTooLarge } from '../autoid/too-large.ts';
import { AppError, toAppError } from '../core/errors.ts';
import type { Clock, Fetch, HttpResponse } from '../core/ports.ts';
import { federationLadder, LONGEST_SECONDS, type DurationRung } from '../core/renewal/duration-ladder.ts';
import type { AwsCredentials } from '../credentials/provider.ts';
import type { DurationMemory } from './duration-memory.ts';

export interface SigninTokenOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Address of the endpoint, with `/federation`. */
  readonly federationUrl: string;
  /** Of an assumed role. */
  readonly credentials: AwsCredentials & { readonly sessionToken: string };
  readonly roleArn: string;
  /** The role was assumed with temporary credentials. */
  readonly chained: boolean;
  readonly memory: DurationMemory;
  /** For each call, in ms. */
  readonly timeoutMs: number;
  /** Hears every token that is granted, those that come too late to be used too, for redaction. */
  readonly onSecret?: ((value: string) => void) | undefined;
}

export interface SigninToken {
  /** A secret; good for 15 minutes. */
  readonly signinToken: string;
  /** The SessionDuration that was granted, in seconds, or `omitted`: then the session lasts as long as the credentials. */
  readonly duration: DurationRung;
}

/** How long a longer session is still waited for when a shorter one was granted, in ms. */
const GRACE_MS = 2000;
const LONGEST_ANSWER = 65_536;
/** Tokens have about a thousand characters; the bound keeps nonsense out of URLs. */
const TOKEN = /^[\u0021-\u007e]{1,16384}$/;

/**
 * `getSigninToken` of the federation endpoint (IAM user guide, "custom identity broker access to the console"), by POST,
 * so that credentials stay out of the logs of proxies.
 *
 * The durations tried are those of `federationLadder`. While nothing is known of the role they are asked for side by
 * side, and the longest that is granted counts: a rule that AWS leaves open then costs no time (docs/adr/0008). Neither
 * call is waited for longer than it can matter. Afterwards it is one call with what worked last, and the next shorter one
 * after a bare 400.
 *
 * Throws FEDERATION_REFUSED, FEDERATION_UNAVAILABLE, FEDERATION_ANSWER_UNREADABLE, or what the Fetch port throws. No
 * error holds anything of the request or the answer.
 */
export async function getSigninToken(options: SigninTokenOptions): Promise<SigninToken> {
  const { chained, memory, roleArn } = options;
  const remembered = memory.recall('federation', roleArn);
  const rungs = federationLadder({ chained, remembered });
  const granted =
    remembered === undefined && rungs.length > 1 ? await askTogether(options) : await askInTurn(options, rungs);
  if (!chained && granted.certain) memory.remember('federation', roleArn, granted.duration);
  return { signinToken: granted.signinToken, duration: granted.duration };
}

/** Certain: all longer durations were refused, rather than lost to a failure that may pass. */
type Granted = SigninToken & { readonly certain: boolean };

async function askInTurn(options: SigninTokenOptions, rungs: readonly DurationRung[]): Promise<Granted> {
  for (const duration of rungs) {
    const signinToken = await ask(options, duration);
    if (signinToken !== undefined) return { signinToken, duration, certain: true };
  }
  throw refused(options);
}

/** What came of a call that is not waited for by everybody: a token, a refusal (neither), or a failure. */
interface Outcome {
  readonly signinToken?: string | undefined;
  readonly failure?: AppError;
}

/** Both rungs of the ladder at once. */
async function askTogether(options: SigninTokenOptions): Promise<Granted> {
  const outcomeOf = (duration: DurationRung): Promise<Outcome> =>
    ask(options, duration).then(
      (signinToken) => ({ signinToken }),
      (thrown: unknown) => ({ failure: toAppError(thrown) }),
    );
  let isOpen = true;
  const asking = outcomeOf(LONGEST_SECONDS).finally(() => (isOpen = false));
  const askingPlain = outcomeOf('omitted');
  const grace = askingPlain.then(async ({ signinToken }) => {
    if (signinToken === undefined || !isOpen) return asking;
    await options.clock.sleep(GRACE_MS);
    return undefined;
  });
  const longest = await Promise.race([asking, grace]);
  if (longest?.signinToken !== undefined) {
    return { signinToken: longest.signinToken, duration: LONGEST_SECONDS, certain: true };
  }
  const plain = await askingPlain;
  if (plain.signinToken !== undefined) {
    const certain = longest !== undefined && longest.failure === undefined;
    return { signinToken: plain.signinToken, duration: 'omitted', certain };
  }
  // A failure that may pass says more than a refusal beside it.
  throw longest?.failure ?? plain.failure ?? refused(options);
}

function refused({ federationUrl, roleArn }: SigninTokenOptions): AppError {
  return new AppError(
    'FEDERATION_REFUSED',
    `${new URL(federationUrl).host} refuses a console session for ${roleArn} (400) and does not say why: check, likeliest first, that aws.federationUrl belongs to the role's partition, that the credentials are a role's (those of GetSessionToken or of the root user cannot be federated), and that no policy revoked the role's sessions or their duration.`,
  );
}

/** A sign-in token; undefined for a bare 400, which in the endpoint's terse way refuses the duration or the credentials. */
async function ask(options: SigninTokenOptions, duration: DurationRung): Promise<string | undefined> {
  const { credentials, federationUrl } = options;
  const session = JSON.stringify({
    sessionId: credentials.accessKeyId,
    sessionKey: credentials.secretAccessKey,
    sessionToken: credentials.sessionToken,
  });
  const form = [
    ['Action', 'getSigninToken'],
    ...(duration === 'omitted' ? [] : [['SessionDuration', String(duration)]]),
    ['Session', session],
  ];
  const host = new URL(federationUrl).host;
  const answer = await orTooLarge(
    options.fetch({
      method: 'POST',
      url: federationUrl,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: form.map(([name, value]) => `${name ?? ''}=${encodeURIComponent(value ?? '')}`).join('&'),
      timeoutMs: options.timeoutMs,
      maxBytes: LONGEST_ANSWER,
    }),
    'FEDERATION_ANSWER_UNREADABLE',
    unreadable(host, 'far more than a token').message,
  );
  if (answer.status === 400) return undefined;
  const signinToken = tokenOf(answer, host);
  options.onSecret?.(signinToken);
  return signinToken;
}

function tokenOf(answer: HttpResponse, host: string): string {
  const { status, headers } = answer;
  if (status === 429 || status >= 500) {
    const wish = retryAfterMs(headers);
    throw new AppError(
      'FEDERATION_UNAVAILABLE',
      `The sign-in service ${host} does not work at the moment (${status}): Vigil tries again.`,
      wish === undefined ? {} : { retryAfterMs: wish },
    );
  }
  if (status === 401 || status === 403 || status === 404 || status === 405) {
    throw new AppError(
      'FEDERATION_REFUSED',
      `${host} refused to give a sign-in token (${status}): check aws.federationUrl and the proxy.`,
    );
  }
  if (status !== 200) throw unreadable(host, `status ${status}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(answer.body));
  } catch {
    // The parser's message quotes the answer, so it is no cause.
    const isPage = /html|xml/i.test(headers['content-type'] ?? '');
    throw unreadable(host, isPage ? 'a web page' : 'something that is not JSON');
  }
  const token = typeof value === 'object' && value !== null && 'SigninToken' in value ? value.SigninToken : undefined;
  if (typeof token !== 'string' || !TOKEN.test(token)) throw unreadable(host, 'JSON without a sign-in token');
  return token;
}

function unreadable(host: string, what: string): AppError {
  return new AppError(
    'FEDERATION_ANSWER_UNREADABLE',
    `${host} answered with ${what} in place of a sign-in token: check aws.federationUrl, and that no proxy or portal answers for it.`,
  );
}

export interface LoginUrlOptions {
  readonly federationUrl: string;
  readonly signinToken: string;
  /** Where the console sends users when the session is over. */
  readonly issuer: string;
  /** Whole URL of the dashboard; its `#` and what follows stay part of it. */
  readonly destination: string;
}

/** The address that signs a browser in and leads it to the destination. A secret; good for 15 minutes. */
export function buildLoginUrl(options: LoginUrlOptions): string {
  const query = [
    ['Action', 'login'],
    ['Issuer', options.issuer],
    ['Destination', options.destination],
    ['SigninToken', options.signinToken],
  ].map(([name, value]) => `${name ?? ''}=${encodeURIComponent(value ?? '')}`);
  const { origin, pathname } = new URL(options.federationUrl);
  return `${origin}${pathname}?${query.join('&')}`;
}

/**
 * How long the console session will last, in seconds from now: what was granted, or what is left of the role's
 * credentials. Never less than a minute, so that a wrong clock cannot make sign-ins follow each other without end.
 */
export function lifetimeSeconds(duration: DurationRung, credentialsEndAt: number, now: number): number {
  const seconds = duration === 'omitted' ? Math.floor((credentialsEndAt - now) / 1000) : duration;
  return Math.max(60, seconds);
}
