/** `vigil keys`: the server's own keys, and how clients come by theirs. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { Logger } from '../../core/ports.ts';
import { makeOwnFolder } from '../../node/durable-file.ts';
import { createDisk } from '../../server/rotation/disk.ts';
import { certify, initKeys } from '../../server/rotation/init.ts';
import { openVault } from '../../server/rotation/open-vault.ts';
import { readRing, type ProtocolName, type Ring } from '../../server/rotation/ring.ts';
import { openOrMakeRoot, openRoot } from '../../server/rotation/root.ts';
import { createRotator, type Progress, type Rotator } from '../../server/rotation/rotator.ts';
import { createSeal, sealOf } from '../../server/seal/open-seal.ts';
import { durationOf } from '../duration.ts';
import { openServerHome, type ServerHome } from '../server-home.ts';
import { readPlaces } from '../server-places.ts';
import { mustOwn, openServerSeal, passphraseFrom, sealChoiceOf, sealPorts } from '../server-seal.ts';

type Options = Readonly<Record<string, unknown>>;

const SILENT: Logger = { log: () => undefined };

/** Makes a server's first keys and publishes them. Rejects with USAGE, KEYS_*, SETTINGS_*, and what places reject with. */
export async function keysInit(options: Options): Promise<string> {
  const [serverId, rootFile, data] = [text(options, 'serverId'), text(options, 'root'), text(options, 'data')];
  if (serverId === undefined) throw new AppError('USAGE', 'Name the server with --server-id, such as acme-walls.');
  if (rootFile === undefined) {
    throw new AppError('USAGE', 'Name a file for the root key with --root, best on a disk that you can carry away.');
  }
  const protocols = protocolsOf(options['protocols']);
  if (data !== undefined) {
    await makeOwnFolder(resolve(data));
    await mustOwn(data);
  }
  return withHome(options, async (home) => {
    const { folder } = home;
    if (folder !== undefined && (await sealOf(folder)) === undefined) {
      await createSeal(
        folder,
        sealChoiceOf(text(options, 'seal'), text(options, 'sealFile'), folder),
        sealPorts(home.fetch),
      );
    }
    const vault = await openVault(home, await openServerSeal(home));
    const passphrase = await passphraseFrom(process.env, 'VIGIL_ROOT_PASSPHRASE')?.();
    if ((await vault.version()) === 0) {
      const root = await openOrMakeRoot(createDisk(), resolve(rootFile), passphrase);
      const { clock } = home;
      const ring = await initKeys({ vault, clock, root, serverId, protocols });
      await home.audit.append({ event: 'keys.init', allowed: true, reason: 'operator', generation: 1 });
      const progress = await (await rotatorOf(options, home)).advance();
      if (options['json'] === true) return json(shownRing(ring));
      return [
        `The keys of ${serverId} are made (generation 1, ${protocols.join(' and ')}), in ${vault.name}.`,
        `The root is in ${resolve(rootFile)}: carry it away. It is needed for vigil keys certify, before ${iso(ring.certificate.notAfter)}.`,
        `Devices will pin it: ${fingerprint(ring)}.`,
        ...failuresOf(progress),
        '',
      ].join('\n');
    }
    throw new AppError('USAGE', `There are keys in ${vault.name} already: vigil keys rotate makes new ones.`);
  });
}

/** Rotates, or finishes a rotation. Rejects with PUBLISH_FAILED where the new keys are not everywhere yet. */
export async function keysRotate(options: Options): Promise<string> {
  const overlapMs = durationOf(options['overlap'] ?? '24h', '--overlap');
  const youngest = options['ifOlder'] === undefined ? 0 : durationOf(options['ifOlder'], '--if-older');
  return withRotator(options, async (rotator, home) => {
    const { ring } = await rotator.inspect({ places: false });
    const age = home.clock.now() - Math.max(...ring.generations.map(({ madeAt }) => madeAt));
    const emergency = options['emergency'] === true;
    const isDue = emergency || age >= youngest || ring.rotation !== undefined;
    return told(rotator, isDue ? await rotator.rotate({ emergency, overlapMs }) : await rotator.advance(), options);
  });
}

/** Publishes wherever the keys are missing, after whatever is due. Rejects as `keysRotate`. */
export function keysPublish(options: Options): Promise<string> {
  return withRotator(options, async (rotator) => told(rotator, await rotator.publish(), options));
}

/** Prints what there is. */
export function keysStatus(options: Options): Promise<string> {
  return withRotator(options, async (rotator, { clock }) => {
    const { ring, places } = await rotator.inspect();
    const held = places.map(({ place, holds }) => ({
      place,
      state: holds === true ? 'current' : holds === false ? 'behind' : holds.message,
    }));
    if (options['json'] === true) return json({ ...shownRing(ring), places: held });
    const days = Math.floor((ring.certificate.notAfter - clock.now()) / 86_400_000);
    return [
      `${ring.serverId}, root ${fingerprint(ring)}`,
      `rotation key ${ring.certificate.serial}, certified until ${iso(ring.certificate.notAfter)}${days < 60 ? ': renew it with vigil keys certify' : ''}`,
      ...[...ring.generations]
        .sort((a, b) => b.generation - a.generation)
        .map(
          ({ generation, state, protocols, madeAt, endsAt }) =>
            `generation ${generation}  ${state}  ${protocols.join(',')}  made ${iso(madeAt)}${endsAt === undefined ? '' : `, accepted until ${iso(endsAt)}`}`,
        ),
      ...(ring.rotation === undefined ? [] : ['a rotation is under way: vigil keys publish goes on with it']),
      ...held.map(({ place, state }) => `${place}: ${state}`),
      '',
    ].join('\n');
  });
}

/** Has the root certify a new rotation key. */
export async function keysCertify(options: Options): Promise<string> {
  const rootFile = text(options, 'root');
  if (rootFile === undefined) throw new AppError('USAGE', "Name the root's file with --root.");
  const root = await openRoot(resolve(rootFile), await passphraseFrom(process.env, 'VIGIL_ROOT_PASSPHRASE')?.());
  return withHome(options, async (home) => {
    const vault = await openVault(home, await openServerSeal(home));
    const certificate = await certify({ vault, clock: home.clock, root });
    await home.audit.append({ event: 'keys.certify', allowed: true, reason: 'operator' });
    // Destroys the old one.
    await (await rotatorOf(options, home)).advance();
    if (options['json'] === true) return json(shownRing((await readRing(vault)).ring));
    return `Rotation key ${certificate.serial} is certified until ${iso(certificate.notAfter)}: vigil keys rotate uses it.\n`;
  });
}

async function withHome<T>(options: Options, work: (home: ServerHome) => Promise<T>): Promise<T> {
  const home = await openServerHome(options);
  try {
    return await work(home);
  } finally {
    await home.close();
  }
}

function withRotator(options: Options, work: (rotator: Rotator, home: ServerHome) => Promise<string>): Promise<string> {
  return withHome(options, async (home) => work(await rotatorOf(options, home), home));
}

async function rotatorOf(options: Options, home: ServerHome): Promise<Rotator> {
  const { clock, audit } = home;
  const vault = await openVault(home, await openServerSeal(home));
  return createRotator({
    vault,
    places: await readPlaces(text(options, 'places'), home),
    clock,
    audit,
    logger: SILENT,
  });
}

async function told(rotator: Rotator, progress: Progress, options: Options): Promise<string> {
  const failures = failuresOf(progress);
  if (failures.length > 0) {
    const sentence = `Generation ${progress.generation} is not everywhere yet: ${failures.join(' ')} What was there before stays accepted.`;
    throw new AppError('PUBLISH_FAILED', sentence, { cause: progress.failures[0]?.error });
  }
  const { ring } = await rotator.inspect({ places: false });
  if (options['json'] === true) return json(shownRing(ring));
  const previous = ring.generations.filter(({ endsAt }) => endsAt !== undefined);
  const ends = previous
    .map(({ generation, endsAt = 0 }) => `; ${generation} is accepted until ${iso(endsAt)}`)
    .join('');
  return `Generation ${progress.generation} is current${ends}.\n`;
}

function failuresOf({ failures }: Progress): readonly string[] {
  return failures.map(({ place, error }) => `${place}: ${error.message}`);
}

/** The ring for programs, without names of secrets. */
function shownRing(ring: Ring) {
  return {
    serverId: ring.serverId,
    root: ring.root,
    certificate: { serial: ring.certificate.serial, notAfter: iso(ring.certificate.notAfter) },
    generations: ring.generations.map(({ generation, state, protocols, madeAt, notAfter, endsAt }) => ({
      generation,
      state,
      protocols,
      madeAt: iso(madeAt),
      notAfter: iso(notAfter),
      ...(endsAt === undefined ? {} : { endsAt: iso(endsAt) }),
    })),
    rotating: ring.rotation !== undefined,
  };
}

function fingerprint({ root }: Ring): string {
  return createHash('sha256').update(Buffer.from(root, 'base64url')).digest('hex').slice(0, 16);
}

function protocolsOf(value: unknown): readonly ProtocolName[] {
  const names = new Set(String(value).split(','));
  if ([...names].some((name) => name !== 'v1' && name !== 'v2') || !names.has('v2')) {
    throw new AppError('USAGE', '--protocols must be v2, or v1,v2.');
  }
  return names.has('v1') ? ['v1', 'v2'] : ['v2'];
}

function text(options: Options, name: string): string | undefined {
  const value = options[name];
  if (value === '') throw new AppError('USAGE', 'An option of vigil keys is empty.');
  return typeof value === 'string' ? value : undefined;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
