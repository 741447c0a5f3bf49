import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { AppError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { AwsAccess, StorePorts } from '../stores/ports.ts';
import type { SecretFolder, SecretVersion } from '../stores/secret-folder.ts';
import { textOf, withSecretsManager } from '../stores/secrets-manager.ts';

/** Where a secret lies that clients are given, with a version that waits beside the current one. Rejects with STORE_*. */
export interface SecretPlace {
  /** The store's name in sources. */
  readonly name: 'file' | 'secretsmanager';
  read(
    id: string,
    which: { readonly version: string } | { readonly stage: string },
  ): Promise<SecretVersion | undefined>;
  /** Keeps a version that no client is given yet. Again with the same version: nothing happens. */
  keep(id: string, secret: SecretVersion): Promise<void>;
  /** Gives clients that version from now on. Again: nothing happens. */
  promote(id: string, secret: SecretVersion): Promise<void>;
  /** Forgets the version that waits. */
  drop(id: string): Promise<void>;
}

/** The server's own folder. */
export function folderPlace(folder: SecretFolder, clock: Clock): SecretPlace {
  return {
    name: 'file',
    read: (id, which) => folder.read(id, which),
    keep: (id, secret) => folder.write(id, secret, 'AWSPENDING', clock.now()),
    promote: (id, secret) => folder.write(id, secret, 'AWSCURRENT', clock.now()),
    drop: (id) => folder.drop(id, 'pending'),
  };
}

/** AWS Secrets Manager, as its own rotation does it: AWSPENDING, then the label AWSCURRENT moves. */
export function secretsManagerPlace(ports: Pick<StorePorts, 'fetch'>, aws: AwsAccess): SecretPlace {
  const call = <T>(id: string, action: string, send: Parameters<typeof withSecretsManager<T>>[3]): Promise<T> =>
    withSecretsManager(ports, aws, { what: `the secret ${id}`, action: `secretsmanager:${action}` }, send);

  /** Which version has a label. */
  async function holderOf(id: string, stage: string): Promise<string | undefined> {
    const { VersionIdsToStages = {} } = await call(id, 'DescribeSecret', (client) =>
      client.send(new DescribeSecretCommand({ SecretId: id })),
    );
    return Object.keys(VersionIdsToStages).find((version) => VersionIdsToStages[version]?.includes(stage));
  }

  async function move(id: string, stage: string, to: string | undefined): Promise<void> {
    const from = await holderOf(id, stage);
    if (from === to) return;
    const input = {
      SecretId: id,
      VersionStage: stage,
      ...(to === undefined ? {} : { MoveToVersionId: to }),
      ...(from === undefined ? {} : { RemoveFromVersionId: from }),
    };
    await call(id, 'UpdateSecretVersionStage', (client) => client.send(new UpdateSecretVersionStageCommand(input)));
  }

  return {
    name: 'secretsmanager',
    async read(id, which) {
      const input = 'version' in which ? { VersionId: which.version } : { VersionStage: which.stage };
      try {
        const answer = await call(id, 'GetSecretValue', (client) =>
          client.send(new GetSecretValueCommand({ SecretId: id, ...input })),
        );
        return { version: answer.VersionId ?? '', text: textOf(answer, id) };
      } catch (error) {
        if (error instanceof AppError && error.code === 'STORE_NOT_FOUND') return undefined;
        throw error;
      }
    },
    async keep(id, { version, text }) {
      const input = { SecretId: id, ClientRequestToken: version, SecretString: text, VersionStages: ['AWSPENDING'] };
      await call(id, 'PutSecretValue', (client) => client.send(new PutSecretValueCommand(input)));
    },
    async promote(id, { version }) {
      await move(id, 'AWSCURRENT', version);
      if ((await holderOf(id, 'AWSPENDING')) === version) await move(id, 'AWSPENDING', undefined);
    },
    drop: (id) => move(id, 'AWSPENDING', undefined),
  };
}
