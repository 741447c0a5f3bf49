/**
 * HashiCorp Vault's HTTP API, as far as the server's store needs it: AppRole, the AWS method by iam, KV v2, the AWS engine
 * and response wrapping. Written from Vault's API documentation.
 */
import { randomUUID, timingSafeEqual, randomBytes } from 'node:crypto';
import type { Answer, Handler, Request } from '../http.ts';
import { makeId } from '../world.ts';
import type { World } from '../world.ts';
import { callerOf } from './caller-identity.ts';
import type { VaultControl, VaultOptions } from './options.ts';

interface Token {
  readonly policy: readonly string[];
  readonly endsAt: number;
}

interface Wrapping {
  readonly creationPath: string;
  readonly createdAt: number;
  readonly ttlSeconds: number;
  readonly answer: unknown;
}

export interface Vault {
  readonly handler: Handler;
  readonly control: VaultControl;
}

type Input = Readonly<Record<string, unknown>>;
type Outcome =
  | { readonly status: number; readonly errors: readonly string[] }
  | { readonly answer: Readonly<Record<string, unknown>>; readonly detail: string };

const errors = (status: number, ...texts: string[]): Outcome => ({ status, errors: texts });
const denied = (): Outcome => errors(403, '1 error occurred:\n\t* permission denied\n\n');
const text = (input: Input, name: string): string => {
  const value = input[name];
  return typeof value === 'string' ? value : '';
};
const same = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

export function makeVault(world: World, options: VaultOptions): Vault {
  const tokens = new Map<string, Token>();
  const wrappings = new Map<string, Wrapping>();
  const tokenSeconds = options.tokenSeconds ?? 3600;
  let interference: 'open' | 'swap' | undefined;
  let isSealed = false;

  function grant(policy: readonly string[], detail: string): Outcome {
    const token = `hvs.${randomBytes(24).toString('base64url')}`;
    tokens.set(token, { policy, endsAt: world.now() + tokenSeconds * 1000 });
    const auth = {
      client_token: token,
      accessor: randomUUID(),
      policies: ['default'],
      lease_duration: tokenSeconds,
      renewable: true,
    };
    return { answer: { auth, data: null, wrap_info: null }, detail };
  }

  function approleLogin(input: Input): Outcome {
    const [roleId, secretId] = [text(input, 'role_id'), text(input, 'secret_id')];
    if (roleId === '') return errors(400, 'missing role_id');
    const role = options.appRoles?.find((one) => same(one.roleId, roleId) && same(one.secretId, secretId));
    return role === undefined ? errors(400, 'invalid role or secret ID') : grant(role.policy, 'approle');
  }

  function awsLogin(input: Input): Outcome {
    const caller = callerOf(world, input, options.serverId);
    if ('refusal' in caller) return errors(400, caller.refusal);
    const name = text(input, 'role');
    const role = Object.hasOwn(options.awsRoles ?? {}, name) ? options.awsRoles?.[name] : undefined;
    if (role === undefined) return errors(400, `entry for role ${name} not found`);
    if (caller.arn !== role.boundArn)
      return errors(403, `IAM Principal "${caller.arn}" does not belong to the role "${name}"`);
    return grant(role.policy, `aws ${name}`);
  }

  function readSecret(path: string, query: URLSearchParams): Outcome {
    const versions = options.secrets?.[path] ?? [];
    const wanted = Number(query.get('version') ?? 0);
    const number = wanted === 0 ? versions.length : wanted;
    const data = versions[number - 1];
    if (data === undefined) return errors(404);
    const metadata = {
      version: number,
      created_time: new Date(world.now()).toISOString(),
      deletion_time: '',
      destroyed: false,
    };
    return { answer: { lease_duration: 0, renewable: false, data: { data, metadata } }, detail: path };
  }

  function awsCredentials(kind: string, name: string): Outcome {
    const role = Object.hasOwn(options.awsEngine ?? {}, name) ? options.awsEngine?.[name] : undefined;
    if (role === undefined) return errors(400, `Role '${name}' not found`);
    const token = kind === 'sts' ? randomBytes(60).toString('base64') : null;
    const data = {
      access_key: makeId(kind === 'sts' ? 'ASIA' : 'AKIA'),
      secret_key: randomBytes(30).toString('base64'),
      security_token: token,
    };
    return {
      answer: {
        lease_id: `aws/${kind}/${name}/${randomUUID()}`,
        lease_duration: role.leaseSeconds,
        renewable: kind === 'creds',
        data,
      },
      detail: `aws ${name}`,
    };
  }

  /** What a token may read; `sys/wrapping` is in everybody's default policy. */
  function read(path: string, query: URLSearchParams): Outcome {
    const secret = /^secret\/data\/(.+)$/.exec(path)?.[1];
    if (secret !== undefined) return readSecret(secret, query);
    const [, kind, name] = /^aws\/(creds|sts)\/([^/]+)$/.exec(path) ?? [];
    return kind === undefined || name === undefined ? errors(404) : awsCredentials(kind, name);
  }

  function wrap(outcome: Outcome, path: string, wish: string): Outcome {
    const ttl = Number(/^(\d{1,6})s?$/.exec(wish)?.[1] ?? 0);
    if (ttl <= 0) return errors(400, 'error parsing X-Vault-Wrap-TTL');
    if (!('answer' in outcome)) return outcome;
    const token = `hvs.wrap${randomBytes(24).toString('base64url')}`;
    const creationPath = interference === 'swap' ? 'sys/wrapping/wrap' : path;
    if (interference !== 'open') {
      wrappings.set(token, { creationPath, createdAt: world.now(), ttlSeconds: ttl, answer: outcome.answer });
    }
    const info = { token, ttl, creation_time: new Date(world.now()).toISOString(), creation_path: path, accessor: '' };
    return { answer: { lease_duration: 0, data: null, auth: null, wrap_info: info }, detail: `wrapped ${path}` };
  }

  function wrapping(path: string, input: Input): Outcome {
    const token = text(input, 'token');
    const found = wrappings.get(token);
    if (found === undefined || world.now() >= found.createdAt + found.ttlSeconds * 1000) {
      return errors(400, 'wrapping token is not valid or does not exist');
    }
    if (path === 'sys/wrapping/lookup') {
      const data = {
        creation_path: found.creationPath,
        creation_time: new Date(found.createdAt).toISOString(),
        creation_ttl: found.ttlSeconds,
      };
      return { answer: { data }, detail: 'lookup' };
    }
    wrappings.delete(token);
    return { answer: { ...(found.answer as Record<string, unknown>) }, detail: 'unwrap' };
  }

  function route(request: Request, path: string): Outcome {
    if (isSealed) return errors(503, 'Vault is sealed');
    const input = inputOf(request);
    if (input === undefined) return errors(400, 'error parsing JSON');
    const isWrite = request.method === 'POST' || request.method === 'PUT';
    if (path === 'auth/approle/login') return isWrite ? approleLogin(input) : errors(405);
    if (path === 'auth/aws/login') return isWrite ? awsLogin(input) : errors(405);
    const token = tokens.get(request.headers['x-vault-token'] ?? '');
    if (token === undefined || world.now() >= token.endsAt) return denied();
    if (path === 'sys/wrapping/lookup' || path === 'sys/wrapping/unwrap')
      return isWrite ? wrapping(path, input) : errors(405);
    const mayRead = token.policy.some((one) => (one.endsWith('*') ? path.startsWith(one.slice(0, -1)) : path === one));
    if (!mayRead) return denied();
    if (request.method !== 'GET') return errors(405, '1 error occurred:\n\t* unsupported operation\n\n');
    const outcome = read(path, request.query);
    const wish = request.headers['x-vault-wrap-ttl'];
    return wish === undefined ? outcome : wrap(outcome, path, wish);
  }

  return {
    handler(request): Answer {
      const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
      let path: string;
      try {
        path = decodeURIComponent(/^\/v1\/(.+)$/.exec(request.path)?.[1] ?? '');
      } catch {
        path = '';
      }
      const action = path.startsWith('auth/') || path.startsWith('sys/') ? path : (path.split('/')[0] ?? 'unknown');
      // Vault takes no browser's call for one of its own.
      const outcome =
        request.headers['x-vault-request'] === 'true' ? route(request, path) : errors(412, 'missing X-Vault-Request');
      if ('errors' in outcome) {
        return {
          status: outcome.status,
          action,
          headers,
          body: JSON.stringify({ errors: outcome.errors }),
          detail: outcome.errors[0] ?? '',
        };
      }
      const body = JSON.stringify({ request_id: randomUUID(), warnings: null, ...outcome.answer });
      return { status: 200, action, headers, body, detail: outcome.detail };
    },
    control: {
      revokeTokens: () => tokens.clear(),
      interfere(how) {
        interference = how;
      },
      sealed(is) {
        isSealed = is;
      },
    },
  };
}

function inputOf(request: Request): Input | undefined {
  if (request.body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(request.body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Input) : undefined;
  } catch {
    return undefined;
  }
}
