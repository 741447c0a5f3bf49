import { AppError } from '../../../core/errors.ts';
import type { CredentialStore, CredentialSource, Issued } from '../credential-store.ts';
import type { AwsAccess, StorePorts } from '../ports.ts';
import { formatSource } from '../source.ts';
import { createVaultClient, unreadable, type VaultRequest } from './client.ts';
import { asObject, textIn } from './json.ts';
import { vaultLogin } from './login.ts';
import type { VaultSettings } from './settings.ts';
import { readWrapped } from './wrapping.ts';

/**
 * HashiCorp Vault or OpenBao. The id of a source is a path below one of the mounts of the settings:
 *
 * - `vault,secret/wall[,3[,field]]` of a KV v2 mount: the whole entry as JSON, or one field of it;
 * - `vault,aws/creds/ROLE` and `vault,aws/sts/ROLE` of an AWS engine: credentials, which Vault ends by itself.
 *
 * Rejects with STORE_*; see `createVaultClient`.
 */
export function vaultStore(ports: StorePorts, settings: VaultSettings, aws?: AwsAccess): CredentialStore {
  const { wrapSeconds } = settings;
  const client = createVaultClient(ports, settings, () => vaultLogin(settings.auth, aws));
  return {
    name: 'vault',
    async issue({ source, caller, address }) {
      const { engine, request } = requestFor(source, settings);
      const who = { caller: caller.id, source: formatSource(source), ...(address === undefined ? {} : { address }) };
      const answer =
        wrapSeconds === undefined
          ? await client.call(request)
          : await readWrapped(ports, client, request, wrapSeconds, who);
      return engine === 'kv' ? secretOf(answer, source) : credentialsOf(answer, request.path, ports.clock.now());
    },
  };
}

/** What is asked for a source. Throws STORE_NOT_FOUND for what is below no mount of the settings. */
function requestFor(
  { id, version, stage }: CredentialSource,
  { mounts }: VaultSettings,
): { readonly engine: 'kv' | 'aws'; readonly request: VaultRequest & { readonly creationPath: string } } {
  const mount = Object.keys(mounts)
    .sort((a, b) => b.length - a.length)
    .find((one) => id.startsWith(`${one}/`));
  const engine = mount === undefined ? undefined : mounts[mount];
  if (mount === undefined || engine === undefined) {
    throw new AppError('STORE_NOT_FOUND', `No mount in stores.vault has ${id}: name its mount there.`);
  }
  const rest = id.slice(mount.length + 1);
  const get = (path: string, query = '') => ({
    method: 'GET' as const,
    path: `${path.split('/').map(encodeURIComponent).join('/')}${query}`,
    creationPath: path,
  });
  if (engine === 'kv') {
    if (version !== undefined && !/^[1-9]\d{0,8}$/.test(version)) {
      throw new AppError('STORE_NOT_FOUND', `Versions of ${id} in Vault are numbers, and ${version} is none.`);
    }
    const query = version === undefined ? '' : `?version=${version}`;
    return { engine, request: get(`${mount}/data/${rest}`, query) };
  }
  if (!/^(creds|sts)\/[^/]+$/.test(rest) || version !== undefined || stage !== undefined) {
    throw new AppError(
      'STORE_NOT_FOUND',
      `The AWS engine of Vault gives ${mount}/creds/ROLE and ${mount}/sts/ROLE, and not ${id}.`,
    );
  }
  return { engine, request: get(`${mount}/${rest}`) };
}

function secretOf(answer: Readonly<Record<string, unknown>>, { id, stage }: CredentialSource): Issued {
  const entry = asObject(asObject(answer['data'])['data']);
  if (stage === undefined && Object.keys(entry).length > 0) return { kind: 'secret', text: JSON.stringify(entry) };
  const text = stage === undefined ? undefined : textIn(entry, stage);
  if (text !== undefined) return { kind: 'secret', text };
  throw new AppError('STORE_NOT_FOUND', `What Vault has at ${id} has no such field, or was deleted.`);
}

function credentialsOf(answer: Readonly<Record<string, unknown>>, path: string, now: number): Issued {
  const data = asObject(answer['data']);
  const accessKeyId = textIn(data, 'access_key');
  const secretAccessKey = textIn(data, 'secret_key');
  const sessionToken = textIn(data, 'security_token') ?? textIn(data, 'session_token');
  const lease = answer['lease_duration'];
  if (accessKeyId === undefined || secretAccessKey === undefined) throw unreadable(path);
  return {
    kind: 'credentials',
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(typeof lease === 'number' && lease > 0 ? { expiresAt: now + lease * 1000 } : {}),
  };
}
