import { retryAfterMs } from '../../../autoid/retry-after.ts';
import { checkAddress } from '../../../aws/destination.ts';
import { AppError } from '../../../core/errors.ts';
import type { Clock, Fetch, HttpResponse } from '../../../core/ports.ts';
import { asStoreFailure } from '../aws-failures.ts';
import { asObject, textIn } from './json.ts';
import type { VaultSettings } from './settings.ts';

export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/v1/`: parts that are put together as they are, so each must be plain. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One login's token and calls with it. */
export interface VaultClient {
  /** A call with the server's token; signs in where there is none, and once more where the token is refused. */
  call(request: VaultRequest): Promise<Readonly<Record<string, unknown>>>;
  /** The same with a wrapping token in the body; undefined where Vault does not know that token (any more). */
  callWrapping(path: string, token: string): Promise<Readonly<Record<string, unknown>> | undefined>;
}

/** Vault's answers are small; a secret may have a megabyte in all. */
const LONGEST_ANSWER = 2 * 1024 * 1024;
/** A token is given up when so much of its life is over. */
const USED_LIFE = 0.8;

/**
 * Calls of one Vault. `login` gives the path and the body of a login with each call. Rejects with STORE_NOT_FOUND (404),
 * STORE_REFUSED (400, 403), STORE_UNAVAILABLE (429, 5xx, sealed, network) or STORE_ANSWER_UNREADABLE. Errors hold nothing of
 * what Vault says, for that may quote the request.
 */
export function createVaultClient(
  ports: { readonly fetch: Fetch; readonly clock: Clock },
  settings: Pick<VaultSettings, 'address' | 'namespace' | 'timeoutMs'>,
  login: () => Promise<{ readonly path: string; readonly body: unknown }>,
): VaultClient {
  checkAddress(settings.address, 'stores.vault.address');
  let held: { readonly token: string; readonly until: number } | undefined;
  let flight: Promise<string> | undefined;

  async function send(request: VaultRequest, token?: string): Promise<HttpResponse> {
    const { address, namespace, timeoutMs } = settings;
    try {
      return await ports.fetch({
        method: request.method,
        url: `${address.replace(/\/+$/, '')}/v1/${request.path}`,
        headers: {
          accept: 'application/json',
          'x-vault-request': 'true',
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
          ...(token === undefined ? {} : { 'x-vault-token': token }),
          ...request.headers,
        },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        timeoutMs,
        maxBytes: LONGEST_ANSWER,
      });
    } catch (error) {
      throw error instanceof AppError ? asStoreFailure(error, 'Vault') : error;
    }
  }

  async function signIn(): Promise<string> {
    const startedAt = ports.clock.monotonic();
    const { path, body } = await login();
    const answer = await send({ method: 'POST', path, body });
    if (answer.status === 400 || answer.status === 403) {
      throw new AppError(
        'STORE_REFUSED',
        `Vault does not let this server sign in (${answer.status} at ${path}): renew its role id and secret id, or correct its role.`,
      );
    }
    const auth = asObject(asObject(read(answer, path))['auth']);
    const token = textIn(auth, 'client_token');
    const lease = auth['lease_duration'];
    if (token === undefined) throw unreadable(path);
    const lifeMs = typeof lease === 'number' && lease > 0 ? lease * 1000 * USED_LIFE : 60_000;
    held = { token, until: startedAt + lifeMs };
    return token;
  }

  function token(): Promise<string> {
    if (held !== undefined && ports.clock.monotonic() < held.until) return Promise.resolve(held.token);
    flight ??= signIn().finally(() => (flight = undefined));
    return flight;
  }

  async function sendSignedIn(request: VaultRequest): Promise<HttpResponse> {
    const first = await token();
    const answer = await send(request, first);
    if (answer.status !== 403) return answer;
    // The token may have been revoked, or Vault been restored: one new login tells.
    if (held?.token === first) held = undefined;
    return send(request, await token());
  }

  return {
    call: async (request) => read(await sendSignedIn(request), request.path),
    async callWrapping(path, wrapping) {
      const answer = await sendSignedIn({ method: 'POST', path, body: { token: wrapping } });
      // "wrapping token is not valid or does not exist"
      return answer.status === 400 ? undefined : read(answer, path);
    },
  };
}

function read(answer: HttpResponse, path: string): Readonly<Record<string, unknown>> {
  const { status, headers, body } = answer;
  const cause = new Error(`Vault answered ${status} at ${path}`);
  if (status === 404) throw new AppError('STORE_NOT_FOUND', `Vault has nothing at ${path}: check the name.`, { cause });
  if (status === 400 || status === 403 || status === 405) {
    throw new AppError(
      'STORE_REFUSED',
      `Vault refuses ${path} to this server (${status}): allow it in the policy of its role.`,
      { cause },
    );
  }
  if (status === 429 || status === 412 || status >= 472) {
    const wish = retryAfterMs(headers);
    const why = status === 503 ? 'is sealed or down' : `does not work at the moment (${status})`;
    throw new AppError('STORE_UNAVAILABLE', `Vault ${why}.`, {
      cause,
      ...(wish === undefined ? {} : { retryAfterMs: wish }),
    });
  }
  if (status !== 200) throw unreadable(path);
  try {
    return asObject(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)));
  } catch {
    throw unreadable(path);
  }
}

/** For an answer that is none of Vault's. */
export function unreadable(path: string): AppError {
  return new AppError(
    'STORE_ANSWER_UNREADABLE',
    `What Vault answered at ${path} makes no sense: check stores.vault, and that no proxy answers for it.`,
  );
}
