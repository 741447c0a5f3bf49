/** What the server's own secrets are sealed with, as a command finds it. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { Fetch } from '../core/ports.ts';
import { readOwnerOnly } from '../node/durable-file.ts';
import { kmsKeys } from '../server/seal/kms-keys.ts';
import { openSeal, type SealChoice, type SealPorts } from '../server/seal/open-seal.ts';
import { createSealer, type Sealer } from '../server/seal/sealer.ts';
import { environmentCredentials } from '../server/stores/own-credentials.ts';

const CALL_TIMEOUT_MS = 20_000;
const LONGEST_PASSPHRASE = 4096;

/** What a seal may ask for: the passphrase from the environment or a file that it names, AWS credentials from the environment. */
export function sealPorts(fetch: Fetch, env: NodeJS.ProcessEnv = process.env): SealPorts {
  const passphrase = passphraseFrom(env, 'VIGIL_SEAL_PASSPHRASE');
  return {
    fetch,
    credentials: environmentCredentials(env),
    timeoutMs: CALL_TIMEOUT_MS,
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}

/** The passphrase in a variable, or in the owner-only file that the variable with `_FILE` names; undefined for neither. */
export function passphraseFrom(env: NodeJS.ProcessEnv, name: string): (() => Promise<string>) | undefined {
  const [text = '', file = ''] = [env[name], env[`${name}_FILE`]];
  if (text !== '') return () => Promise.resolve(text);
  if (file === '') return undefined;
  return async () => {
    const bytes = await readOwnerOnly(file, { what: 'The passphrase file', maxBytes: LONGEST_PASSPHRASE });
    return new TextDecoder().decode(bytes).replace(/\r?\n$/, '');
  };
}

/**
 * The sealer of a server: that of its data folder, or the KMS key that VIGIL_KMS_KEY names for one on AWS. Rejects as
 * `openSeal` does, and with SETTINGS_MISSING.
 */
export async function openServerSeal(
  home: { readonly folder: string | undefined; readonly fetch: Fetch },
  env: NodeJS.ProcessEnv = process.env,
): Promise<Sealer> {
  if (home.folder !== undefined) {
    await mustOwn(home.folder);
    return openSeal(home.folder, sealPorts(home.fetch, env));
  }
  const [keyId = '', region = ''] = [env['VIGIL_KMS_KEY'], env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']];
  if (keyId === '' || region === '') {
    throw new AppError('SETTINGS_MISSING', "Name the server's KMS key in VIGIL_KMS_KEY, and its region in AWS_REGION.");
  }
  const endpoint = env['AWS_ENDPOINT_URL_KMS'] ?? env['AWS_ENDPOINT_URL'];
  return createSealer(
    kmsKeys({
      fetch: home.fetch,
      keyId,
      region,
      ...(endpoint === undefined || endpoint === '' ? {} : { endpoint }),
      credentials: environmentCredentials(env),
      timeoutMs: CALL_TIMEOUT_MS,
    }),
  );
}

/** Whose key seals a new data folder, as --seal and --seal-file say it. Throws USAGE. */
export function sealChoiceOf(kind = 'key-file', file: string | undefined, folder: string): SealChoice {
  if (kind === 'key-file') return { kind, path: file === undefined ? join(folder, 'seal.key') : resolve(file) };
  if (kind === 'passphrase') return { kind };
  const [, keyId, region] = /^kms:(arn:aws[a-z-]*:kms:([a-z0-9-]+):.+)$/.exec(kind) ?? [];
  if (keyId !== undefined && region !== undefined) {
    const endpoint = process.env['AWS_ENDPOINT_URL_KMS'] ?? process.env['AWS_ENDPOINT_URL'] ?? '';
    return { kind: 'kms', keyId, region, ...(endpoint === '' ? {} : { endpoint }) };
  }
  throw new AppError('USAGE', '--seal must be key-file, passphrase, or kms: with the ARN of a KMS key.');
}

/** What a command writes for the server, the server must be able to read: rejects with USAGE where accounts differ. */
export async function mustOwn(folder: string): Promise<void> {
  const own = process.getuid?.();
  const { uid } = await stat(resolve(folder));
  if (own === undefined || uid === own) return;
  throw new AppError(
    'USAGE',
    `${folder} belongs to another account: run this as the account that the server runs as, or it could not read what is written.`,
  );
}
