/** `vigil secrets`: what the server gives to devices, and the rotation of the keys behind it. */
import { AppError } from '../../core/errors.ts';
import { parseSecret } from '../../credentials/parse-secret.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import { createSeal, sealOf } from '../../server/seal/open-seal.ts';
import { awsAccessKeys } from '../../server/secret-rotation/access-keys.ts';
import {
  forgetRotation,
  journalKey,
  readProgress,
  type RotationProgress,
} from '../../server/secret-rotation/journal.ts';
import { rotateSecret } from '../../server/secret-rotation/rotate-secret.ts';
import { folderPlace, secretsManagerPlace, type SecretPlace } from '../../server/secret-rotation/secret-place.ts';
import { environmentAccess } from '../../server/stores/aws-environment.ts';
import { secretsFolderOf } from '../../server/stores/create-stores.ts';
import type { AwsAccess } from '../../server/stores/ports.ts';
import { newVersion, openSecretFolder, type SecretFolder } from '../../server/stores/secret-folder.ts';
import { isId } from '../../server/stores/source.ts';
import { durationOf } from '../duration.ts';
import { openServerHome, type ServerHome } from '../server-home.ts';
import { mustOwn, openServerSeal, sealChoiceOf, sealPorts } from '../server-seal.ts';

type Options = Readonly<Record<string, unknown>>;

const LONGEST_SECRET = 65_536;
const CALL_TIMEOUT_MS = 20_000;
/** Rotations are few: one for each secret that was ever rotated. */
const MOST_ROTATIONS = 10_000;

/** Puts a secret from stdin or a file. Rejects with USAGE, CREDENTIALS_UNREADABLE, STORE_*, STATE_*, SETTINGS_*, AUDIT_UNAVAILABLE. */
export async function secretsPut(options: Options, id: string): Promise<string> {
  const name = nameOf(id);
  const text = await readSecret(options['from']);
  if (options['any'] !== true) parseSecret(text);
  return withHome(options, async (home) => {
    const place = await placeOf(options, home, 'made');
    const progress = await readProgress(home.state, journalKey(place.name, name));
    if (progress !== undefined && progress.step !== 'done' && options['force'] !== true) {
      throw new AppError(
        'USAGE',
        `The key of ${name} is being rotated: let vigil secrets rotate ${name} finish, or say --force.`,
      );
    }
    const secret = { version: newVersion(), text };
    await place.keep(name, secret);
    await home.audit.append({
      event: 'secret.put',
      allowed: true,
      reason: 'operator',
      source: `${place.name},${name}`,
    });
    await place.promote(name, secret);
    return `${name} is in ${place.name}: devices get it as ${place.name},${name}.\n`;
  });
}

/** Lists the secrets of the data folder, and all rotations. Rejects as `secretsPut`. */
export async function secretsList(options: Options): Promise<string> {
  return withHome(options, async (home) => {
    const folder = home.folder;
    const isSealed = folder !== undefined && (await sealOf(folder)) !== undefined;
    const secrets = isSealed ? await (await folderOf(home, folder)).list() : [];
    const items = await home.state.list('meta', MOST_ROTATIONS, 'secret-rotation/');
    const keys = items.map(({ key }) => key).filter((key) => key.startsWith('secret-rotation/'));
    const rotations = new Map<string, RotationProgress>();
    for (const key of keys) {
      const progress = await readProgress(home.state, key);
      const [, store = '', ...rest] = key.split('/');
      if (progress !== undefined) rotations.set(`${store},${rest.join('/')}`, progress);
    }
    if (options['json'] === true) {
      return `${JSON.stringify({ secrets, rotations: Object.fromEntries([...rotations].map(([at, one]) => [at, shown(one)])) }, null, 2)}\n`;
    }
    const lines = secrets.map(({ id, versions }) => {
      const current = versions.find(({ stage }) => stage === 'AWSCURRENT');
      return `file,${id}  ${current === undefined ? 'no current version' : `since ${iso(current.createdAt)}`}${rotationWords(rotations.get(`file,${id}`))}`;
    });
    const others = [...rotations].filter(([at]) => !secrets.some(({ id }) => at === `file,${id}`));
    lines.push(...others.map(([at, progress]) => `${at}${rotationWords(progress)}`));
    return lines.length === 0 ? 'There are no secrets here.\n' : `${lines.join('\n')}\n`;
  });
}

/** Rotates the access key in a secret, or goes on with that. Rejects as `rotateSecret`, and with USAGE, SETTINGS_*. */
export async function secretsRotate(options: Options, id: string): Promise<string> {
  const name = nameOf(id);
  const overlapMs = durationOf(options['overlap'], '--overlap');
  const inactiveMs = durationOf(options['keepInactive'], '--keep-inactive');
  return withHome(options, async (home) => {
    const place = await placeOf(options, home, 'there');
    if (options['forget'] === true) {
      const had = await forgetRotation(home.state, journalKey(place.name, name));
      if (!had) throw new AppError('USAGE', `There is no rotation of ${name} to forget.`);
      await home.audit.append({
        event: 'secret.rotate',
        allowed: true,
        reason: 'forgotten',
        source: `${place.name},${name}`,
      });
      return `The rotation of ${name} is forgotten; look in IAM for keys that are not needed.\n`;
    }
    const aws = awsOf(options);
    const { state, audit, clock } = home;
    const actor = options['asServer'] === true ? { actor: aws.credentials } : {};
    const parts = { keys: awsAccessKeys(home.fetch, aws), place, state, audit, clock, ...actor };
    const deleteKey = options['deleteKey'];
    const wish = { id: name, overlapMs, inactiveMs, ...(typeof deleteKey === 'string' ? { deleteKey } : {}) };
    let progress = await rotateSecret(parts, wish);
    while (options['wait'] === true && progress.step !== 'done') {
      await clock.sleep(Math.max(100, (progress.until ?? 0) - clock.now()));
      progress = await rotateSecret(parts, wish);
    }
    return options['json'] === true
      ? `${JSON.stringify(shown(progress), null, 2)}\n`
      : `${sentenceOf(name, progress)}\n`;
  });
}

async function withHome(options: Options, work: (home: ServerHome) => Promise<string>): Promise<string> {
  const home = await openServerHome(options);
  try {
    return await work(home);
  } finally {
    await home.close();
  }
}

function nameOf(id: string): string {
  if (isId(id)) return id;
  throw new AppError('USAGE', 'The name of a secret has letters, digits and /_+=.@:- only.');
}

function awsOf(options: Options): AwsAccess {
  const region = options['region'];
  const aws = environmentAccess(process.env, typeof region === 'string' ? region : undefined, CALL_TIMEOUT_MS);
  if (aws !== undefined) return aws;
  throw new AppError('SETTINGS_MISSING', 'Name the AWS region with --region, or set AWS_REGION.');
}

/** The place that --store names. `made`: with a seal for the data folder where it has none. */
async function placeOf(options: Options, home: ServerHome, seal: 'made' | 'there'): Promise<SecretPlace> {
  const store = options['store'] ?? (home.folder === undefined ? 'secretsmanager' : 'file');
  if (store === 'secretsmanager') return secretsManagerPlace(home, awsOf(options));
  if (store !== 'file') throw new AppError('USAGE', '--store must be file or secretsmanager.');
  const { folder } = home;
  if (folder === undefined) throw new AppError('USAGE', 'A server on AWS keeps no files: use --store secretsmanager.');
  if (seal === 'made') await makeSeal(options, home, folder);
  return folderPlace(await folderOf(home, folder), home.clock);
}

/** Seals a data folder that is not yet; one that is stays as it is. */
async function makeSeal(options: Options, home: ServerHome, folder: string): Promise<void> {
  const text = (name: string) => (typeof options[name] === 'string' ? options[name] : undefined);
  const choice = sealChoiceOf(text('seal'), text('sealFile'), folder);
  const known = await sealOf(folder);
  if (known !== undefined && text('seal') !== undefined && known !== choice.kind) {
    throw new AppError('USAGE', `${folder} is sealed by another kind of key already (${known}): leave --seal out.`);
  }
  if (known !== undefined) return;
  await mustOwn(folder);
  await createSeal(folder, choice, sealPorts(home.fetch));
}

async function folderOf(home: ServerHome, folder: string): Promise<SecretFolder> {
  return openSecretFolder(secretsFolderOf(folder), await openServerSeal(home));
}

/** A secret from a file, or from stdin to its end; one line end after it is none of it. */
async function readSecret(from: unknown): Promise<string> {
  const bytes = typeof from === 'string' ? await readFrom(from) : await readStdin();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch {
    throw new AppError('USAGE', 'The secret is no text.');
  }
}

async function readFrom(path: string): Promise<Uint8Array> {
  const bytes = await createNodeFileStore()
    .read(path, LONGEST_SECRET)
    .catch((cause: unknown) => {
      throw new AppError('USAGE', `The file ${path} cannot be read as a secret.`, { cause });
    });
  if (bytes === undefined) throw new AppError('USAGE', `There is no file ${path}.`);
  return bytes;
}

async function readStdin(): Promise<Uint8Array> {
  if (process.stdin.isTTY) process.stderr.write('Type or paste the secret (ID,SECRET), then press Enter and Ctrl-D.\n');
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_SECRET) throw new AppError('USAGE', 'The secret is longer than 64 KiB.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function shown({ step, userArn, oldKey, newKey, startedAt, until }: RotationProgress) {
  return {
    step,
    user: userArn,
    oldKey,
    ...(newKey === undefined ? {} : { newKey }),
    startedAt: iso(startedAt),
    ...(until === undefined ? {} : { nextStepAt: iso(until) }),
  };
}

function rotationWords(progress: RotationProgress | undefined): string {
  if (progress === undefined) return '';
  const { step, until } = progress;
  return step === 'done' ? '  rotated' : `  rotation: ${step}${until === undefined ? '' : ` until ${iso(until)}`}`;
}

function sentenceOf(name: string, { step, oldKey, newKey = '', until = 0 }: RotationProgress): string {
  switch (step) {
    case 'overlap':
      return `Clients of ${name} get ${newKey}; ${oldKey} works until ${iso(until)}, and is deactivated when this runs again after that.`;
    case 'inactive':
      return `${oldKey} does not work any more; it is deleted when this runs again after ${iso(until)}.`;
    case 'done':
      return `The key of ${name} is ${newKey}; ${oldKey} is deleted.`;
    default:
      return `The rotation of ${name} goes on when this runs again.`;
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
