import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { Fetch } from '../../core/ports.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';
import { makeOwnFolder, readOwnerOnly, replaceDurably } from '../../node/durable-file.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import { kmsKeys } from './kms-keys.ts';
import { keyOfPassphrase, keysFrom, SCRYPT_COST, type ScryptCost } from './local-keys.ts';
import { createSealer, type DataKeys, type Sealer } from './sealer.ts';

/** Whose key seals: chosen once, when the folder is set up (docs/adr/0018). */
export type SealChoice =
  | { readonly kind: 'kms'; readonly keyId: string; readonly region: string; readonly endpoint?: string }
  | { readonly kind: 'passphrase'; /** For tests; default `SCRYPT_COST`. */ readonly cost?: ScryptCost }
  | {
      readonly kind: 'key-file';
      /** Made where it is missing. Best on another disk than what it seals. */ readonly path: string;
    };

/** What the key may need. */
export interface SealPorts {
  /** The passphrase: asked for once, never kept. */
  readonly passphrase?: () => Promise<string>;
  readonly fetch?: Fetch;
  readonly credentials?: () => Promise<AwsCredentials>;
  /** For each call of KMS, in ms; default 10 s. */
  readonly timeoutMs?: number;
}

const SEAL_FILE = 'seal.json';
const KEY_BYTES = 32;
const CHECK = 'vigil seal check';
const MOST_MEMORY = 2 ** 30;

const base64url = z.base64url().max(4096);
const whole = z.number().int().positive();
const choiceSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('kms'),
    keyId: z.string(),
    region: z.string(),
    endpoint: z.string().exactOptional(),
  }),
  z.strictObject({ kind: z.literal('passphrase'), salt: base64url, n: whole, r: whole, p: whole.max(16) }),
  z.strictObject({ kind: z.literal('key-file'), path: z.string() }),
]);
const sealFileSchema = z.strictObject({ version: z.literal(1), key: choiceSchema, check: base64url });
type KeptChoice = z.infer<typeof choiceSchema>;

/** How the folder's seal is chosen, without opening it; undefined where none was made. Rejects as `openSeal` does. */
export async function sealOf(folder: string): Promise<SealChoice['kind'] | undefined> {
  return (await readSealFile(folder))?.key.kind;
}

/**
 * Sets a folder's seal up: writes `seal.json` (no secret), makes the key file where one is wanted and missing, and proves
 * that the key works. Rejects with SETTINGS_INVALID where the folder has one already or the choice is impossible, and with
 * what the key's place rejects with; nothing is chosen then.
 */
export async function createSeal(folder: string, choice: SealChoice, ports: SealPorts): Promise<Sealer> {
  if ((await readSealFile(folder)) !== undefined) {
    throw new AppError('SETTINGS_INVALID', `${folder} is sealed already: its key cannot be chosen twice.`);
  }
  await makeOwnFolder(folder);
  const key = await keptChoice(choice);
  const sealer = createSealer(await dataKeysOf(key, ports));
  const check = await sealer.seal(CHECK, new TextEncoder().encode(CHECK));
  const text = JSON.stringify({ version: 1, key, check: Buffer.from(check).toString('base64url') }, null, 2);
  await replaceDurably(join(folder, SEAL_FILE), `${text}\n`);
  return sealer;
}

/**
 * The sealer of a folder. Rejects with SETTINGS_MISSING where it has none, SETTINGS_INVALID for another key than it was made with, SETTINGS_UNREADABLE for
 * a key file that is missing or that others may read, STATE_CORRUPT for a seal.json that makes no sense, STORE_* for KMS.
 */
export async function openSeal(folder: string, ports: SealPorts): Promise<Sealer> {
  const file = await readSealFile(folder);
  if (file === undefined) {
    throw new AppError(
      'SETTINGS_MISSING',
      `${folder} has no seal: choose where its key lives with vigil secrets put --seal.`,
    );
  }
  const sealer = createSealer(await dataKeysOf(file.key, ports));
  try {
    await sealer.open(CHECK, Buffer.from(file.check, 'base64url'));
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code !== 'STORE_ANSWER_UNREADABLE') throw cause;
    const sentence = `This is not ${sealer.description} that ${folder} was sealed with: give the right one.`;
    throw new AppError('SETTINGS_INVALID', sentence, { cause });
  }
  return sealer;
}

async function keptChoice(choice: SealChoice): Promise<KeptChoice> {
  switch (choice.kind) {
    case 'kms':
      return choice;
    case 'passphrase':
      return { kind: 'passphrase', salt: randomBytes(32).toString('base64url'), ...(choice.cost ?? SCRYPT_COST) };
    case 'key-file': {
      if ((await createNodeFileStore().stamp(choice.path)) === undefined) {
        await replaceDurably(choice.path, `${randomBytes(KEY_BYTES).toString('base64url')}\n`);
      }
      return choice;
    }
  }
}

async function dataKeysOf(choice: KeptChoice, ports: SealPorts): Promise<DataKeys> {
  switch (choice.kind) {
    case 'kms': {
      const { keyId, region, endpoint } = choice;
      const { fetch, credentials, timeoutMs = 10_000 } = ports;
      if (fetch === undefined || credentials === undefined) {
        throw new AppError(
          'SETTINGS_MISSING',
          "The KMS key needs the server's own AWS credentials: set AWS_ACCESS_KEY_ID and its secret.",
        );
      }
      return kmsKeys({ fetch, keyId, region, credentials, timeoutMs, ...(endpoint === undefined ? {} : { endpoint }) });
    }
    case 'passphrase': {
      const { n, r, p } = choice;
      // The file may be somebody else's: what it asks for must not take the machine down.
      if (n < 2 || (n & (n - 1)) !== 0 || 128 * n * r > MOST_MEMORY) throw corrupt('its cost is none');
      if (ports.passphrase === undefined) {
        throw new AppError(
          'SETTINGS_MISSING',
          'The passphrase is missing: set VIGIL_SEAL_PASSPHRASE, or name its file.',
        );
      }
      const key = await keyOfPassphrase(await ports.passphrase(), Buffer.from(choice.salt, 'base64url'), { n, r, p });
      return keysFrom(key, 'the passphrase');
    }
    case 'key-file': {
      const bytes = await readOwnerOnly(choice.path, { what: 'The key file', maxBytes: 1024 });
      const key = Buffer.from(new TextDecoder().decode(bytes).trim(), 'base64url');
      if (key.length !== KEY_BYTES) {
        throw new AppError(
          'SETTINGS_UNREADABLE',
          `The key file ${choice.path} holds no key: restore it from a backup.`,
        );
      }
      return keysFrom(key, `the key file ${choice.path}`);
    }
  }
}

async function readSealFile(folder: string): Promise<z.infer<typeof sealFileSchema> | undefined> {
  const bytes = await createNodeFileStore().read(join(folder, SEAL_FILE), 65_536);
  if (bytes === undefined) return undefined;
  try {
    return sealFileSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw corrupt('it cannot be read', cause);
  }
}

function corrupt(why: string, cause?: unknown): AppError {
  const sentence = `seal.json is damaged (${why}): restore it from a backup.`;
  return new AppError('STATE_CORRUPT', sentence, cause === undefined ? {} : { cause });
}
