import { afterAll, beforeAll, expect, it } from 'vitest';
import { memoryState } from '../state/testing/memory.ts';
import { failureOf, recordingAudit, SERVER, storeStage, type StoreStage } from '../stores/testing/stage.ts';
import { awsAccessKeys } from './access-keys.ts';
import type { RotationProgress } from './journal.ts';
import { rotateSecret, type RotationOptions, type RotationParts } from './rotate-secret.ts';
import { secretsManagerPlace } from './secret-place.ts';

const PIER = { name: 'pier', accessKeyId: 'AKIAPIER0', secretAccessKey: 'pier-secret', allow: ['iam:*'] };
const MUTE = { ...PIER, name: 'mute', accessKeyId: 'AKIAMUTE0', allow: ['sts:*'] };
const HUSH = { ...PIER, name: 'hush', accessKeyId: 'AKIAHUSH0' };
const OPTIONS: RotationOptions = {
  id: 'pier',
  overlapMs: 1,
  inactiveMs: 1,
  proof: { times: 2, everyMs: 1, withinMs: 30_000 },
};

let all: StoreStage;
beforeAll(async () => {
  all = await storeStage({
    users: [SERVER, PIER, MUTE, HUSH],
    secrets: { pier: 'AKIAPIER0,pier-secret', mute: 'AKIAMUTE0,pier-secret', hush: 'AKIAHUSH0,pier-secret' },
  });
});
afterAll(() => all.stage.stop());

const parts = (): RotationParts => ({
  keys: awsAccessKeys(all.ports.fetch, all.aws),
  place: secretsManagerPlace(all.ports, all.aws),
  state: memoryState(),
  audit: recordingAudit(),
  clock: all.ports.clock,
});

async function untilDone(rotation: RotationParts, wish: RotationOptions): Promise<RotationProgress> {
  for (;;) {
    const progress = await rotateSecret(rotation, wish);
    if (progress.step === 'done') return progress;
    await all.ports.clock.sleep(2);
  }
}

it('rotates a key in Secrets Manager by AWS itself, again and again', async () => {
  const rotation = parts();
  for (const old of ['AKIAPIER0', undefined]) {
    const progress = await untilDone(rotation, OPTIONS);
    if (old !== undefined) expect(progress.oldKey).toBe(old);
    const secret = await rotation.place.read('pier', { stage: 'AWSCURRENT' });
    expect(secret?.text).toMatch(new RegExp(`^${progress.newKey ?? '-'},`));
    expect(await rotation.keys.list(SERVER, 'pier')).toEqual([{ id: progress.newKey, isActive: true }]);
    expect(await rotation.place.read('pier', { stage: 'AWSPENDING' })).toBeUndefined();
    expect((await rotation.place.read('pier', { stage: 'AWSPREVIOUS' }))?.text).toMatch(
      new RegExp(`^${progress.oldKey},`),
    );
  }
});

it('asks IAM as the server where the user may not', async () => {
  const wish = { ...OPTIONS, id: 'mute', overlapMs: 3_600_000 };
  expect((await failureOf(rotateSecret(parts(), wish))).message).toContain('iam:ListAccessKeys');
  const actor = () => Promise.resolve(SERVER);
  expect(await rotateSecret({ ...parts(), actor }, wish)).toMatchObject({ step: 'overlap', oldKey: 'AKIAMUTE0' });
});

it('is told why AWS does not do it', async () => {
  const { keys } = parts();
  await keys.create(SERVER, 'pier');
  expect((await failureOf(keys.create(SERVER, 'pier'))).code).toBe('STORE_UNAVAILABLE');
  expect((await failureOf(keys.list(SERVER, 'nobody'))).code).toBe('STORE_NOT_FOUND');
  await keys.deactivate(SERVER, 'pier', 'AKIAGONE0');
  await keys.remove(SERVER, 'pier', 'AKIAGONE0');
  await all.stage.control.fail('iam', { kind: 'not-json' }, 1);
  expect((await failureOf(keys.list(SERVER, 'pier'))).code).toBe('STORE_ANSWER_UNREADABLE');
});

it('takes nothing for done that IAM does not list as done', async () => {
  const rotation = parts();
  const wish = { ...OPTIONS, id: 'hush' };
  const { keys } = rotation;
  for (const deaf of [{ deactivate: () => Promise.resolve() }, { remove: () => Promise.resolve() }]) {
    expect((await failureOf(untilDone({ ...rotation, keys: { ...keys, ...deaf } }, wish))).code).toBe(
      'STORE_UNAVAILABLE',
    );
  }
  const { newKey } = await untilDone(rotation, wish);
  expect(await keys.list(SERVER, 'hush')).toEqual([{ id: newKey, isActive: true }]);
  // Nor a second key that is to make room.
  await keys.create(SERVER, 'hush');
  const deleteKey = (await keys.list(SERVER, 'hush')).find(({ id }) => id !== newKey)?.id ?? '';
  const deaf = { ...rotation, keys: { ...keys, remove: () => Promise.resolve() } };
  expect((await failureOf(rotateSecret(deaf, { ...wish, deleteKey }))).code).toBe('STORE_UNAVAILABLE');
});
