import { resolve } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../../core/errors.ts';
import type { Fetch } from '../../../core/ports.ts';
import { readOwnerOnly } from '../../../node/durable-file.ts';
import { environmentCredentials } from '../../stores/own-credentials.ts';
import { createDisk } from '../disk.ts';
import type { Place } from './place.ts';

const LONGEST_TOKEN_FILE = 65_536;
const TIMEOUT_MS = 60_000;

const text = z.string().min(1).max(4096);
/** Where a token is: a file for its owner alone, or a variable. Never in here. */
const token = { tokenFile: text.exactOptional(), tokenVariable: text.exactOptional() };

/** What a list of places holds, as JSON. Relative paths start at the folder of the list. */
const schema = z.strictObject({
  places: z
    .array(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('directory'), path: text }),
        z.strictObject({ kind: z.literal('npm'), package: text, registry: z.url(), ...token }),
        z.strictObject({
          kind: z.literal('s3'),
          bucket: text,
          prefix: z.string().max(900).exactOptional(),
          region: text,
          endpoint: z.url().exactOptional(),
        }),
        z.strictObject({
          kind: z.literal('git'),
          url: z.url(),
          branch: text.default('main'),
          folder: z.string().max(900).exactOptional(),
          username: text.exactOptional(),
          ...token,
        }),
      ]),
    )
    .max(50),
});

export interface PlacesPorts {
  readonly fetch: Fetch;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative paths start at. */
  readonly folder: string;
  /** For each exchange, in ms; default one minute. */
  readonly timeoutMs?: number;
}

/**
 * The places that a list names, as `{"places": [{"kind": "npm", …}]}`. Throws SETTINGS_INVALID; tokens are looked for when they are
 * needed, and then SETTINGS_MISSING or SETTINGS_UNREADABLE may come. S3 is written to with the AWS credentials of the environment.
 */
export async function placesFromConfig(json: unknown, ports: PlacesPorts): Promise<readonly Place[]> {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.map(String).join('.') ?? '';
    const sentence = `The list of places is wrong${where === '' ? '' : ` at ${where}`}: ${issue?.message ?? 'it is none'}.`;
    throw new AppError('SETTINGS_INVALID', sentence, { cause: parsed.error });
  }
  const places: Place[] = [];
  for (const config of parsed.data.places) places.push(await placeOf(config, ports));
  const [twice] = places.filter(({ name }, i) => places.findIndex((one) => one.name === name) !== i);
  if (twice !== undefined) throw new AppError('SETTINGS_INVALID', `The list of places names ${twice.name} twice.`);
  return places;
}

type Config = z.infer<typeof schema>['places'][number];

async function placeOf(config: Config, ports: PlacesPorts): Promise<Place> {
  const { fetch, env, folder, timeoutMs = TIMEOUT_MS } = ports;
  switch (config.kind) {
    case 'directory': {
      const { directoryPlace } = await import('./directory-place.ts');
      return directoryPlace({ disk: createDisk(), folder: resolve(folder, config.path) });
    }
    case 'npm': {
      const { npmPlace } = await import('./npm-place.ts');
      return npmPlace({ fetch, timeoutMs, ...config, token: tokenOf(config, ports, `npm package ${config.package}`) });
    }
    case 's3': {
      const { s3Place } = await import('./s3-place.ts');
      return s3Place({ fetch, timeoutMs, ...config, credentials: environmentCredentials(env) });
    }
    case 'git': {
      const { gitPlace } = await import('./git-place.ts');
      return gitPlace({ fetch, timeoutMs, ...config, token: tokenOf(config, ports, 'git repository') });
    }
  }
}

/** Reads the token anew each time, so that a new one needs no restart. */
function tokenOf(
  config: { readonly tokenFile?: string; readonly tokenVariable?: string },
  { env, folder }: PlacesPorts,
  what: string,
): () => Promise<string> {
  const { tokenFile, tokenVariable } = config;
  if ((tokenFile === undefined) === (tokenVariable === undefined)) {
    throw new AppError('SETTINGS_INVALID', `The ${what} needs either a tokenFile or a tokenVariable.`);
  }
  return async () => {
    if (tokenVariable !== undefined) {
      const value = env[tokenVariable]?.trim() ?? '';
      if (value !== '') return value;
      throw new AppError('SETTINGS_MISSING', `Set ${tokenVariable} to the token for the ${what}.`);
    }
    const path = resolve(folder, tokenFile ?? '');
    const bytes = await readOwnerOnly(path, { what: `The token file of the ${what}`, maxBytes: LONGEST_TOKEN_FILE });
    return new TextDecoder().decode(bytes).trim();
  };
}
