import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { parseSecret } from '../../credentials/parse-secret.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';
import { readOwnerOnly } from '../../node/durable-file.ts';
import { sealOf } from '../seal/open-seal.ts';
import type { Sealer } from '../seal/sealer.ts';
import type { StoresConfig } from './config.ts';
import { consoleStore } from './console.ts';
import type { CredentialStore } from './credential-store.ts';
import { fileStore } from './file.ts';
import { fileSecretsStore } from './file-secrets.ts';
import { environmentEndpoints } from './aws-environment.ts';
import { environmentCredentials } from './own-credentials.ts';
import type { AwsAccess, StorePorts } from './ports.ts';
import { createRoleIssuer } from './roles.ts';
import { openSecretFolder, type SecretFolder } from './secret-folder.ts';
import { secretsManagerStore } from './secrets-manager.ts';
import { stsStore } from './sts.ts';
import type { VaultAuth } from './vault/settings.ts';
import { vaultStore } from './vault/vault.ts';

export interface StoresOptions {
  readonly config: StoresConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The server's folder; its secrets lie in `secrets`. Without it there is no sealed store. */
  readonly dataFolder?: string;
  /** Opens what lies there; asked for once, and only where there is something to open or to keep. */
  readonly sealer?: () => Promise<Sealer>;
  /** `--file-secrets`. */
  readonly fileSecrets?: string;
}

/** The stores of a server by the names that sources have for them. */
export type Stores = ReadonlyMap<string, CredentialStore>;

/** Where a server keeps its secrets below its data folder. */
export function secretsFolderOf(dataFolder: string): string {
  return join(dataFolder, 'secrets');
}

/**
 * Puts the stores together. `file` is there with a data folder or a file of secrets; that file stands for `secretsmanager` too
 * unless the settings name the real one; the others are there where the settings name them. Rejects with SETTINGS_INVALID,
 * SETTINGS_UNREADABLE or SETTINGS_MISSING for settings that cannot work, before anybody asks for anything.
 */
export async function createStores(options: StoresOptions, ports: StorePorts): Promise<Stores> {
  const { config, dataFolder, sealer, fileSecrets } = options;
  const stores: CredentialStore[] = [];
  const folder = dataFolder === undefined || sealer === undefined ? undefined : lazyFolder(dataFolder, sealer);
  const inTheClear = fileSecrets === undefined ? undefined : await fileSecretsStore('file', fileSecrets);
  if (folder !== undefined) stores.push(lazyFileStore(folder, inTheClear));
  else if (inTheClear !== undefined) stores.push(inTheClear);

  const aws = awsAccess(options, folder);
  if (config.secretsmanager !== undefined) {
    stores.push(secretsManagerStore(ports, needed(aws, 'secretsmanager'), config.secretsmanager.names));
  } else if (fileSecrets !== undefined) {
    stores.push(await fileSecretsStore('secretsmanager', fileSecrets));
  }
  const issuer = aws === undefined ? undefined : createRoleIssuer(ports, aws);
  if (config.sts !== undefined) stores.push(stsStore(needed(issuer, 'sts'), config.sts.roles));
  if (config.console !== undefined) {
    stores.push(consoleStore(ports, needed(aws, 'console'), needed(issuer, 'console'), config.console.roles));
  }
  if (config.vault !== undefined) {
    const { auth, ...vault } = config.vault;
    const isAws = auth.kind === 'aws';
    const settings = { ...vault, auth: vaultAuth(auth), timeoutMs: config.aws.timeoutSeconds * 1000 };
    stores.push(vaultStore(ports, settings, isAws ? needed(aws, 'vault') : undefined));
  }
  return new Map(stores.map((store) => [store.name, store]));
}

/** How AWS is reached by the settings; undefined where they name no region. */
export function awsAccess(
  { config, env }: Pick<StoresOptions, 'config' | 'env'>,
  folder: LazyFolder | undefined,
): AwsAccess | undefined {
  const { aws } = config;
  const region = aws.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  if (region === undefined) return undefined;
  const federationUrl = aws.federationUrl ?? env['VIGIL_FEDERATION_URL'];
  return {
    credentials:
      aws.credentials === 'environment'
        ? environmentCredentials(env)
        : () => ownSecret(aws.credentials.replace(/^file:/, ''), folder),
    region,
    endpoints: { ...environmentEndpoints(env), ...aws.endpoints },
    ...(federationUrl === undefined ? {} : { federationUrl }),
    timeoutMs: aws.timeoutSeconds * 1000,
  };
}

async function ownSecret(id: string, folder: LazyFolder | undefined): Promise<AwsCredentials> {
  const found = await (await folder?.())?.read(id);
  if (found !== undefined) return parseSecret(found.text);
  const sentence = `The server keeps no secret ${id} for its own use: put it by vigil secrets put.`;
  throw new AppError('SETTINGS_MISSING', sentence);
}

function needed<T>(value: T | undefined, store: string): T {
  if (value !== undefined) return value;
  throw new AppError('SETTINGS_MISSING', `The store ${store} needs a region: set stores.aws.region or AWS_REGION.`);
}

type AuthConfig = NonNullable<StoresConfig['vault']>['auth'];

function vaultAuth(auth: AuthConfig): VaultAuth {
  if (auth.kind === 'aws') return auth;
  const { secretIdFile, ...rest } = auth;
  return {
    ...rest,
    async secretId() {
      const bytes = await readOwnerOnly(secretIdFile, { what: "The file of Vault's secret id", maxBytes: 4096 });
      return new TextDecoder().decode(bytes).trim();
    },
  };
}

/** The folder of sealed secrets; undefined while nobody has made its seal, and so nothing can be in it. */
type LazyFolder = () => Promise<SecretFolder | undefined>;

/** Opened when it is first asked for, and again after a failure. */
function lazyFolder(dataFolder: string, sealer: () => Promise<Sealer>): LazyFolder {
  let opening: Promise<SecretFolder> | undefined;
  return async () => {
    if (opening === undefined && (await sealOf(dataFolder)) === undefined) return undefined;
    opening ??= sealer()
      .then((opened) => openSecretFolder(secretsFolderOf(dataFolder), opened))
      .catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
    return opening;
  };
}

function lazyFileStore(folder: LazyFolder, beside: CredentialStore | undefined): CredentialStore {
  return {
    name: 'file',
    async issue(request) {
      const opened = await folder();
      if (opened !== undefined) return fileStore(opened, beside).issue(request);
      if (beside !== undefined) return beside.issue(request);
      const sentence = `This server keeps no secret ${request.source.id}: put it by vigil secrets put.`;
      throw new AppError('STORE_NOT_FOUND', sentence);
    },
  };
}
