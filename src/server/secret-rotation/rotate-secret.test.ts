import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { parseSecret } from '../../credentials/parse-secret.ts';
import { forgetRotation, journalKey, readProgress } from './journal.ts';
import { withKey } from './key-text.ts';
import { rotateSecret, type RotationOptions } from './rotate-secret.ts';
import { FIRST, ID, PlugPulled, rotationWorld, type RotationWorld } from './testing/world.ts';

const HOUR = 3_600_000;
const OPTIONS: RotationOptions = { id: ID, overlapMs: 24 * HOUR, inactiveMs: 24 * HOUR };
const rotate = (world: RotationWorld, more: Partial<RotationOptions> = {}) =>
  rotateSecret(world.parts, { ...OPTIONS, ...more });
const activeIds = (world: RotationWorld) => world.keys.filter(({ isActive }) => isActive).map(({ id }) => id);
const reasons = (world: RotationWorld) => world.events.map(({ reason }) => reason);

async function failureOf(work: Promise<unknown>): Promise<AppError> {
  const thrown: unknown = await work.catch((error: unknown) => error);
  if (thrown instanceof AppError) return thrown;
  throw new Error(`no failure: ${String(thrown)}`);
}

/** What clients are given now must work at every moment, and so must what they were given within the overlap. */
function watch(world: RotationWorld): void {
  const given = new Map<string, number>();
  world.onCall = () => {
    const { accessKeyId, secretAccessKey } = parseSecret(world.current());
    const now = world.parts.clock.now();
    given.set(accessKeyId, now);
    const key = world.keys.find(({ id }) => id === accessKeyId);
    expect([key?.secret, key?.isActive]).toEqual([secretAccessKey, true]);
    for (const [id, at] of given) {
      if (now - at < OPTIONS.overlapMs) expect([id, activeIds(world).includes(id)]).toEqual([id, true]);
    }
  };
}

/** Everything that is due and comes due, to the end. */
async function finish(world: RotationWorld): Promise<void> {
  for (let days = 0; days < 5; days++) {
    const { step } = await rotate(world);
    if (step === 'done') return;
    world.advance(OPTIONS.overlapMs);
  }
  throw new Error('it never ends');
}

describe('the rotation of a secret', () => {
  it('goes from the old key to a new one without a client noticing', async () => {
    const world = rotationWorld();
    watch(world);
    expect(await rotate(world)).toMatchObject({ step: 'overlap', oldKey: FIRST.id, newKey: 'AKIANEW1' });
    expect(world.current()).toBe('AKIANEW1,new-secret-1');
    expect(activeIds(world)).toEqual([FIRST.id, 'AKIANEW1']);
    world.advance(23 * HOUR);
    expect(await rotate(world)).toMatchObject({ step: 'overlap' });
    world.advance(HOUR);
    expect(await rotate(world)).toMatchObject({ step: 'inactive' });
    expect(activeIds(world)).toEqual(['AKIANEW1']);
    expect(world.keys).toHaveLength(2);
    world.advance(24 * HOUR);
    expect(await rotate(world)).toMatchObject({ step: 'done' });
    expect(world.keys.map(({ id }) => id)).toEqual(['AKIANEW1']);
    expect(reasons(world)).toEqual(['key-created', 'ok', 'key-deactivated', 'key-deleted']);
    expect(JSON.stringify([world.events, await world.parts.state.list('meta', 10)])).not.toMatch(
      /new-secret|first-secret/,
    );
    await finish(world);
    expect(world.keys.map(({ id }) => id)).toEqual(['AKIANEW2']);
  });

  it('waits until the new key works', async () => {
    const world = rotationWorld();
    watch(world);
    world.slowBy = 5;
    const before = world.parts.clock.now();
    expect(await rotate(world)).toMatchObject({ step: 'overlap' });
    expect(world.parts.clock.now() - before).toBeGreaterThanOrEqual(7 * 2000);
  });

  it('leaves clients the old key while the new one does not work, and goes on later', async () => {
    const world = rotationWorld();
    watch(world);
    world.slowBy = 100;
    expect((await failureOf(rotate(world))).code).toBe('STORE_UNAVAILABLE');
    expect(world.current()).toContain(FIRST.id);
    expect(await rotate(world)).toMatchObject({ step: 'overlap', newKey: 'AKIANEW1' });
  });

  it('keeps the form that the secret had', async () => {
    const text = JSON.stringify({
      note: 'for the lobby',
      Credentials: { AccessKeyId: FIRST.id, SecretAccessKey: FIRST.secret },
    });
    const world = rotationWorld(text);
    await rotate(world);
    expect(JSON.parse(world.current())).toEqual({
      note: 'for the lobby',
      Credentials: { AccessKeyId: 'AKIANEW1', SecretAccessKey: 'new-secret-1' },
    });
    const before = { accessKeyId: FIRST.id, secretAccessKey: FIRST.secret };
    expect(() => withKey('{"AccessKeyId":5}', before, { id: 'A', secret: 's' })).toThrow(AppError);
  });
});

/** The last call of all may be one that nobody waits for. */
async function untilPulled(world: RotationWorld): Promise<void> {
  await finish(world).catch((error: unknown) => {
    if (!(error instanceof PlugPulled)) throw error;
  });
}

describe('pulling the plug', () => {
  /** Calls of a whole rotation, which is four runs with days between. */
  async function callsOfAll(): Promise<number> {
    const world = rotationWorld();
    world.pullAt(-1, 'after');
    await finish(world);
    return world.calls();
  }

  it.each(['before', 'after'] as const)('%s any call is made good by running it again', async (when) => {
    const all = await callsOfAll();
    expect(all).toBeGreaterThan(30);
    for (let call = 1; call <= all; call++) {
      const world = rotationWorld();
      watch(world);
      world.pullAt(call, when);
      await untilPulled(world);
      expect(world.isOff()).toBe(true);
      world.plugIn();
      await finish(world);
      expect([call, world.keys.length, activeIds(world).length]).toEqual([call, 1, 1]);
      expect(world.current()).toContain(world.keys[0]?.id);
      expect(world.stages.has('AWSPENDING')).toBe(false);
      expect(await readProgress(world.parts.state, journalKey('file', ID))).toMatchObject({ step: 'done' });
    }
  });

  it('twice is no worse than once', async () => {
    const all = await callsOfAll();
    for (let call = 1; call <= all; call += 2) {
      for (let again = 1; again <= 20; again += 3) {
        const world = rotationWorld();
        watch(world);
        for (const at of [call, again]) {
          world.pullAt(at, at % 2 === 0 ? 'before' : 'after');
          await untilPulled(world);
        }
        world.plugIn();
        await finish(world);
        expect([call, again, world.keys.length, activeIds(world).length]).toEqual([call, again, 1, 1]);
        expect(world.current()).toContain(world.keys[0]?.id);
      }
    }
  });
});

describe('what a person must decide', () => {
  it('a second key of the user, which the limit of two leaves no room beside', async () => {
    const world = rotationWorld();
    world.keys.push({ id: 'AKIASECOND', secret: 's', isActive: true, wasUsed: true });
    const failure = await failureOf(rotate(world));
    expect([failure.code, failure.message]).toEqual([
      'STORE_REFUSED',
      expect.stringContaining('--delete-key AKIASECOND'),
    ]);
    expect(world.keys).toHaveLength(2);
    expect((await failureOf(rotate(world, { deleteKey: 'AKIAOTHER' }))).code).toBe('STORE_REFUSED');
    expect(await rotate(world, { deleteKey: 'AKIASECOND' })).toMatchObject({ step: 'overlap' });
    expect(world.keys.map(({ id }) => id)).toEqual([FIRST.id, 'AKIANEW1']);
  });

  it('but not one that an older rotation left inactive', async () => {
    const world = rotationWorld();
    world.keys.push({ id: 'AKIAOLD', secret: 's', isActive: false, wasUsed: true });
    world.stages.set('AWSPREVIOUS', { version: 'v0', text: 'AKIAOLD,s' });
    expect(await rotate(world)).toMatchObject({ step: 'overlap' });
    expect(world.keys.map(({ id }) => id)).not.toContain('AKIAOLD');
  });

  it('a key that somebody else made meanwhile and uses', async () => {
    const world = rotationWorld();
    // Up to the journal's first entry, and not yet to the new key.
    world.pullAt(6, 'after');
    await rotate(world).catch(() => undefined);
    world.plugIn();
    expect(await readProgress(world.parts.state, journalKey('file', ID))).toMatchObject({ step: 'creating' });
    world.keys.push({ id: 'AKIASOMEBODY', secret: 's', isActive: true, wasUsed: true });
    expect((await failureOf(rotate(world))).message).toContain('AKIASOMEBODY');
    expect(activeIds(world)).toContain('AKIASOMEBODY');
  });

  it('a secret that was put meanwhile: neither key is taken away', async () => {
    const world = rotationWorld();
    await rotate(world);
    world.stages.set('AWSCURRENT', { version: 'v-back', text: `${FIRST.id},${FIRST.secret}` });
    world.advance(48 * HOUR);
    expect((await failureOf(rotate(world))).message).toContain('--forget');
    expect(activeIds(world)).toEqual([FIRST.id, 'AKIANEW1']);
    expect(await forgetRotation(world.parts.state, journalKey('file', ID))).toBe(true);
  });

  it('a new key that somebody took away before clients got it: another is made', async () => {
    const world = rotationWorld();
    watch(world);
    world.slowBy = 100;
    await failureOf(rotate(world));
    world.keys.splice(1);
    world.slowBy = 0;
    expect(await rotate(world)).toMatchObject({ step: 'overlap', newKey: 'AKIANEW2' });
  });

  it.each([
    ['no secret of that name', undefined, 'STORE_NOT_FOUND'],
    ['a secret that is no key', 'hunter2', 'CREDENTIALS_UNREADABLE'],
    ['temporary credentials', `${FIRST.id},${FIRST.secret},token`, 'STORE_REFUSED'],
    ['a key that AWS does not know', 'AKIANOBODY,x', 'STORE_REFUSED'],
  ])('%s', async (_what, text, code) => {
    const world = rotationWorld(text);
    if (text === undefined) world.stages.clear();
    expect((await failureOf(rotate(world))).code).toBe(code);
    expect(world.keys).toHaveLength(1);
  });
});

it('is done by one process at a time', async () => {
  const world = rotationWorld();
  const results = await Promise.allSettled([rotate(world), rotate(world), rotate(world)]);
  expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
  await finish(world);
  expect(activeIds(world)).toHaveLength(1);
  // Another process that lives: the one that started this one.
  const key = journalKey('file', ID);
  const item = await world.parts.state.get('meta', key);
  const { progress } = item?.value as { progress: Record<string, string> };
  const claim = {
    host: (await import('node:os')).hostname(),
    pid: process.ppid,
    until: world.parts.clock.now() + HOUR,
  };
  await world.parts.state.put('meta', key, { progress, claim }, item?.version ?? 0);
  expect((await failureOf(rotate(world))).message).toContain(String(process.ppid));
  world.advance(2 * HOUR);
  expect(await rotate(world)).toMatchObject({ step: 'overlap' });
});
