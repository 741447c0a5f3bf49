import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import { readOwnerOnly } from '../../node/durable-file.ts';
import type { CredentialStore } from './credential-store.ts';
import { isId } from './source.ts';

const LONGEST_FILE = 4 * 1024 * 1024;
const namesAndSecrets = z.record(z.string(), z.union([z.string(), z.record(z.string(), z.unknown())]));

/**
 * Secrets of one JSON file of name → secret (text, or an object, which is given as JSON), for one machine and the demo. The
 * file is in the clear and must be its owner's alone; it is read anew when it changes. There are no versions: AWSCURRENT is
 * the only stage. `name` is that of the store it stands for: `file` or `secretsmanager`.
 *
 * Rejects at once, and `issue` later, with SETTINGS_UNREADABLE or SETTINGS_INVALID for a file that cannot be used.
 */
export async function fileSecretsStore(name: 'file' | 'secretsmanager', path: string): Promise<CredentialStore> {
  const files = createNodeFileStore();
  let known: { readonly stamp: string | undefined; readonly secrets: ReadonlyMap<string, string> } | undefined;

  async function readNow(): Promise<ReadonlyMap<string, string>> {
    const stamp = await files.stamp(path);
    if (known !== undefined && stamp !== undefined && stamp === known.stamp) return known.secrets;
    const secrets = await readSecrets(path);
    known = { stamp, secrets };
    return secrets;
  }

  let reading: ReturnType<typeof readNow> | undefined;
  /** Those who ask at the same time share one look at the file. */
  const read = (): ReturnType<typeof readNow> => (reading ??= readNow().finally(() => (reading = undefined)));

  await read();
  return {
    name,
    async issue({ source: { id, version, stage } }) {
      const text =
        version === undefined && (stage ?? 'AWSCURRENT') === 'AWSCURRENT' ? (await read()).get(id) : undefined;
      if (text === undefined) {
        throw new AppError(
          'STORE_NOT_FOUND',
          `The file of secrets has no ${id} (and no older versions): check its name.`,
        );
      }
      return { kind: 'secret', text };
    },
  };
}

async function readSecrets(path: string): Promise<ReadonlyMap<string, string>> {
  const bytes = await readOwnerOnly(path, { what: 'The file of secrets', maxBytes: LONGEST_FILE });
  let parsed: z.infer<typeof namesAndSecrets>;
  try {
    parsed = namesAndSecrets.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    // What the parsers say quotes the file.
    throw new AppError('SETTINGS_INVALID', `${path} is no JSON object of names and secrets: correct it.`);
  }
  const wrong = Object.keys(parsed).find((name) => !isId(name));
  if (wrong !== undefined) {
    const sentence = `${path} has a secret named ${JSON.stringify(wrong.slice(0, 60))}, which no source can name: rename it.`;
    throw new AppError('SETTINGS_INVALID', sentence);
  }
  return new Map(
    Object.entries(parsed).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}
