import { AppError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';
import type { Audit } from '../audit/audit.ts';
import type { StateStore } from '../state/state-store.ts';
import { newVersion, type SecretVersion } from '../stores/secret-folder.ts';
import type { AccessKey, AccessKeys } from './access-keys.ts';
import { type Journal, journalKey, openJournal, type RotationProgress } from './journal.ts';
import { lastingKeyIn, withKey } from './key-text.ts';
import type { SecretPlace } from './secret-place.ts';

export interface RotationParts {
  readonly keys: AccessKeys;
  readonly place: SecretPlace;
  readonly state: StateStore;
  readonly audit: Audit;
  readonly clock: Clock;
  /** Who asks IAM; without it the user itself, by the key in the secret. */
  readonly actor?: () => Promise<AwsCredentials>;
}

export interface RotationOptions {
  readonly id: string;
  /** How long the old key works on after clients get the new one, in ms. */
  readonly overlapMs: number;
  /** How long the old key is kept, inactive, before it is deleted, in ms. */
  readonly inactiveMs: number;
  /** A second key of the user that may be deleted, since a user has two at most. */
  readonly deleteKey?: string;
  /** How often a new key must work in a row, how long between, and for how long it is tried, in ms. */
  readonly proof?: { readonly times: number; readonly everyMs: number; readonly withinMs: number };
}

/** A new key is known everywhere some seconds after IAM has made it. */
const PROOF = { times: 3, everyMs: 2000, withinMs: 120_000 };

/**
 * Rotates the access key of the IAM user behind a secret, as far as it may go now; called again, it goes on from where the
 * journal says, whatever ended it before: CreateAccessKey → kept beside the secret (AWSPENDING) → it works (GetCallerIdentity) → clients
 * get it (AWSCURRENT) → overlap → the old one is deactivated → deleted. At every moment the key that clients get is active.
 *
 * A key whose secret was lost by a crash is in IAM's list and in no version of the secret: it is deactivated and deleted, and
 * another is made. Whatever was in the list before, or was used meanwhile, is somebody else's and is not touched.
 *
 * Rejects with STORE_REFUSED where a person must decide (a second key, a key that was changed meanwhile), STORE_UNAVAILABLE
 * where it goes on later, CREDENTIALS_UNREADABLE, STORE_NOT_FOUND, STATE_* and AUDIT_UNAVAILABLE.
 */
export async function rotateSecret(parts: RotationParts, options: RotationOptions): Promise<RotationProgress> {
  const journal = await openJournal(parts.state, parts.clock, journalKey(parts.place.name, options.id));
  const rotation = new Rotation(parts, options, journal);
  try {
    let progress = journal.progress();
    if (progress === undefined || progress.step === 'done') progress = await rotation.start();
    for (;;) {
      const next = await rotation.step(progress);
      if (next === undefined) return progress;
      progress = next;
    }
  } finally {
    // Where even this fails, the claim ends with this process, or by itself.
    await journal.release().catch(() => undefined);
  }
}

class Rotation {
  readonly #parts: RotationParts;
  readonly #options: RotationOptions;
  readonly #journal: Journal;

  constructor(parts: RotationParts, options: RotationOptions, journal: Journal) {
    this.#parts = parts;
    this.#options = options;
    this.#journal = journal;
  }

  /** Looks at what there is, and changes nothing but a second key that may go. */
  async start(): Promise<RotationProgress> {
    const { keys, place, clock } = this.#parts;
    const { id, deleteKey } = this.#options;
    const current = await this.#current();
    const before = lastingKeyIn(current.text);
    const userArn = await keys.whoAmI(before);
    const user = userOf(userArn);
    const as = await this.#actor(before);
    const listed = await keys.list(as, user);
    if (!listed.some((key) => key.id === before.accessKeyId && key.isActive)) {
      throw new AppError(
        'STORE_REFUSED',
        `AWS IAM does not list ${before.accessKeyId} as an active key of ${user}: check the secret ${id}.`,
      );
    }
    const previous = await place.read(id, { stage: 'AWSPREVIOUS' });
    for (const other of listed.filter((key) => key.id !== before.accessKeyId)) {
      // One that an older rotation deactivated and did not delete any more, or that a person names.
      const isLeft = !other.isActive && previous !== undefined && keyIdIn(previous.text) === other.id;
      if (!isLeft && other.id !== deleteKey) {
        throw new AppError(
          'STORE_REFUSED',
          `The user ${user} has a second access key ${other.id} (${other.isActive ? 'active' : 'inactive'}), and AWS allows two: delete it, or let this command do it by --delete-key ${other.id}.`,
        );
      }
      await this.#end(as, user, other.id, 'second-key-deleted');
    }
    const startedAt = clock.now();
    return this.#save({
      step: 'creating',
      userArn,
      oldKey: before.accessKeyId,
      known: [before.accessKeyId],
      version: newVersion(),
      startedAt,
    });
  }

  /** The next step, or undefined where it is time for none. */
  async step(progress: RotationProgress): Promise<RotationProgress | undefined> {
    const { clock } = this.#parts;
    const isEarly = clock.now() < (progress.until ?? 0);
    switch (progress.step) {
      case 'creating':
        return this.#create(progress);
      case 'pending':
        return this.#promote(progress);
      case 'overlap':
        return isEarly ? undefined : this.#deactivate(progress);
      case 'inactive':
        return isEarly ? undefined : this.#remove(progress);
      case 'done':
        return undefined;
    }
  }

  async #create(progress: RotationProgress): Promise<RotationProgress> {
    const { keys, place } = this.#parts;
    const { id } = this.#options;
    const kept = await place.read(id, { version: progress.version });
    if (kept !== undefined)
      return this.#save({ ...progress, step: 'pending', newKey: lastingKeyIn(kept.text).accessKeyId });

    const current = await this.#current();
    const before = lastingKeyIn(current.text);
    if (before.accessKeyId !== progress.oldKey) throw replaced(id, progress);
    const as = await this.#actor(before);
    const user = userOf(progress.userArn);
    for (const lost of (await keys.list(as, user)).filter((key) => !progress.known.includes(key.id))) {
      if (lost.id !== progress.newKey && (await keys.wasUsed(as, lost.id))) {
        throw new AppError(
          'STORE_REFUSED',
          `The user ${user} got another access key ${lost.id} while its key was rotated, and it is in use: give that one back, or delete it.`,
        );
      }
      await this.#end(as, user, lost.id, 'half-made-key-deleted');
    }
    const version = newVersion();
    const begun = await this.#save({ ...begin(progress), version });
    const made = await keys.create(as, user);
    const recorded = await this.#save({ ...begun, newKey: made.id });
    await place.keep(id, { version, text: withKey(current.text, before, made) });
    await this.#note('key-created', `${made.id} of ${user}`);
    return this.#save({ ...recorded, step: 'pending' });
  }

  async #promote(progress: RotationProgress): Promise<RotationProgress> {
    const { keys, place, clock } = this.#parts;
    const { id, overlapMs } = this.#options;
    const current = await this.#current();
    if (current.version !== progress.version) {
      const before = lastingKeyIn(current.text);
      if (before.accessKeyId !== progress.oldKey) throw replaced(id, progress);
      const kept = await place.read(id, { version: progress.version });
      const listed = await keys.list(await this.#actor(before), userOf(progress.userArn));
      if (kept === undefined || !listed.some((key) => key.id === progress.newKey && key.isActive)) {
        // Somebody took the new key away: what is left of it is no good.
        await place.drop(id);
        return this.#save({ ...progress, step: 'creating', version: newVersion() });
      }
      await this.#prove(lastingKeyIn(kept.text), progress.userArn);
      await place.promote(id, kept);
    }
    await this.#note('ok', `${progress.oldKey} gives way to ${progress.newKey ?? ''}`);
    return this.#save({ ...progress, step: 'overlap', until: clock.now() + overlapMs });
  }

  async #deactivate(progress: RotationProgress): Promise<RotationProgress> {
    const { keys, clock } = this.#parts;
    const as = await this.#afterSwitch(progress);
    await keys.deactivate(as, userOf(progress.userArn), progress.oldKey);
    await this.#expect(as, userOf(progress.userArn), progress.oldKey, (key) => !key.isActive);
    await this.#note('key-deactivated', progress.oldKey);
    return this.#save({ ...progress, step: 'inactive', until: clock.now() + this.#options.inactiveMs });
  }

  async #remove(progress: RotationProgress): Promise<RotationProgress> {
    const as = await this.#afterSwitch(progress);
    await this.#parts.keys.remove(as, userOf(progress.userArn), progress.oldKey);
    await this.#expect(as, userOf(progress.userArn), progress.oldKey, () => false);
    await this.#note('key-deleted', progress.oldKey);
    const newKey = progress.newKey === undefined ? {} : { newKey: progress.newKey };
    return this.#save({ ...begin(progress), ...newKey, step: 'done' });
  }

  /** Only what IAM lists is believed; it may list what was done a moment ago a little later. */
  async #expect(as: AwsCredentials, user: string, id: string, isSo: (key: AccessKey) => boolean): Promise<void> {
    const key = (await this.#parts.keys.list(as, user)).find((one) => one.id === id);
    if (key === undefined || isSo(key)) return;
    throw new AppError('STORE_UNAVAILABLE', `AWS IAM still lists the key ${id} as it was: run this again in a minute.`);
  }

  /** Who asks IAM once clients get the new key. Refuses where they get the old one again, for it must not be taken away. */
  async #afterSwitch(progress: RotationProgress): Promise<AwsCredentials> {
    const current = lastingKeyIn((await this.#current()).text);
    if (current.accessKeyId !== progress.newKey) throw replaced(this.#options.id, progress);
    return this.#actor(current);
  }

  async #prove(fresh: AwsCredentials, userArn: string): Promise<void> {
    const { keys, clock } = this.#parts;
    const { times, everyMs, withinMs } = this.#options.proof ?? PROOF;
    const end = clock.monotonic() + withinMs;
    let inARow = 0;
    let last: unknown;
    for (;;) {
      const answer = await keys.whoAmI(fresh).catch((error: unknown) => {
        if (error instanceof AppError) return error;
        throw error;
      });
      if (typeof answer === 'string' && answer !== userArn) {
        throw new AppError('STORE_REFUSED', `The new key belongs to ${answer}, and not to ${userArn}.`);
      }
      inARow = typeof answer === 'string' ? inARow + 1 : 0;
      if (typeof answer !== 'string') last = answer;
      if (inARow >= times) return;
      if (clock.monotonic() >= end) break;
      await clock.sleep(everyMs);
    }
    const sentence = `The new key ${fresh.accessKeyId} does not work yet; clients keep the old one: run this again later.`;
    throw new AppError('STORE_UNAVAILABLE', sentence, { cause: last });
  }

  async #end(as: AwsCredentials, user: string, key: string, reason: string): Promise<void> {
    await this.#parts.keys.deactivate(as, user, key);
    await this.#note(reason, `${key} of ${user}`);
    await this.#parts.keys.remove(as, user, key);
    await this.#expect(as, user, key, () => false);
  }

  async #current(): Promise<SecretVersion> {
    const { place } = this.#parts;
    const { id } = this.#options;
    const current = await place.read(id, { stage: 'AWSCURRENT' });
    if (current !== undefined) return current;
    throw new AppError('STORE_NOT_FOUND', `There is no secret ${id} in ${place.name}: put it by vigil secrets put.`);
  }

  #actor(own: AwsCredentials): Promise<AwsCredentials> {
    return this.#parts.actor?.() ?? Promise.resolve(own);
  }

  async #save(progress: RotationProgress): Promise<RotationProgress> {
    await this.#journal.save(progress);
    return progress;
  }

  #note(reason: string, detail: string): Promise<void> {
    const source = `${this.#parts.place.name},${this.#options.id}`;
    return this.#parts.audit.append({ event: 'secret.rotate', allowed: true, reason, source, detail });
  }
}

/** What stays the same from the beginning: neither a new key nor a time. */
function begin({ step, userArn, oldKey, known, version, startedAt }: RotationProgress): RotationProgress {
  return { step, userArn, oldKey, known, version, startedAt };
}

/** The name of a user by its ARN, without its path. Throws STORE_REFUSED for whoever is none. */
function userOf(arn: string): string {
  const name = /^arn:[\w-]+:iam::\d{12}:user\/(?:[\w+=,.@/-]+\/)?([\w+=,.@-]+)$/.exec(arn)?.[1];
  if (name !== undefined) return name;
  throw new AppError(
    'STORE_REFUSED',
    `The key belongs to ${arn}, which is no IAM user: only the keys of users are rotated.`,
  );
}

function keyIdIn(text: string): string | undefined {
  try {
    return lastingKeyIn(text).accessKeyId;
  } catch {
    return undefined;
  }
}

function replaced(id: string, { newKey, oldKey }: RotationProgress): AppError {
  return new AppError(
    'STORE_REFUSED',
    `The secret ${id} was changed by somebody while its key was rotated from ${oldKey}${newKey === undefined ? '' : ` to ${newKey}`}: delete in IAM what is not needed, and forget the rotation by --forget.`,
  );
}
