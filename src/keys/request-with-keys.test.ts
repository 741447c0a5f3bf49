import { describe, expect, it } from 'vitest';
import { AskedTooOften } from '../autoid/v1/request.ts';
import { AppError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import { createKeyRing } from './key-ring.ts';
import type { KeySet, KeySource } from './key-set.ts';
import { obtainSecret } from './request-with-keys.ts';
import { recordingLogger } from './testing/keys.ts';

const setOf = (generation: number): KeySet => ({
  entropy: 'entropy',
  publicKeyPem: 'key',
  version: `v${String(generation)}`,
  fingerprint: `f${String(generation)}`,
});

const failure = (code: ErrorCode, retryAfterMs?: number): AppError =>
  new AppError(code, 'A failure.', retryAfterMs === undefined ? {} : { retryAfterMs });

/** A source that holds one generation, or fails, and tells what it was asked; `serve` changes it. */
function scriptedSource(initial: number | AppError) {
  let state = initial;
  const asked: string[] = [];
  const source: KeySource = {
    name: 'scripted source',
    fetch: (known) => {
      asked.push(known === undefined ? 'whole' : `newer than ${known.version}`);
      if (state instanceof AppError) return Promise.reject(state);
      const held = setOf(state);
      return Promise.resolve(known?.version === held.version ? 'unchanged' : held);
    },
  };
  return { source, asked, serve: (next: number | AppError) => (state = next) };
}

/** A wall with a source and a server that answers by script: a secret, or an error; the last answer is repeated. */
function setUp(initial: number | AppError) {
  const keys = scriptedSource(initial);
  const logger = recordingLogger();
  const keyRing = createKeyRing(keys.source, logger);
  const sent: string[] = [];
  let script: (string | AppError)[] = ['secret'];
  const obtain = () =>
    obtainSecret({
      keyRing,
      logger,
      request: (set) => {
        sent.push(set.fingerprint);
        const next = (script.length > 1 ? script.shift() : script[0]) ?? 'secret';
        return next instanceof AppError ? Promise.reject(next) : Promise.resolve(next);
      },
    });
  const warmUp = async () => {
    await keyRing.refresh();
    keys.asked.length = 0;
    logger.events.length = 0;
  };
  return {
    ...keys,
    logger,
    keyRing,
    sent,
    obtain,
    warmUp,
    answers: (...next: (string | AppError)[]) => (script = next),
  };
}

describe('obtainSecret with no set in memory', () => {
  it('fetches the keys, then asks', async () => {
    const { obtain, asked, sent } = setUp(1);
    expect(await obtain()).toBe('secret');
    expect([asked, sent]).toEqual([['whole'], ['f1']]);
  });

  it('asks nothing when there are no keys', async () => {
    const { obtain, asked, sent } = setUp(failure('KEYS_NOT_FOUND'));
    await expect(obtain()).rejects.toMatchObject({ code: 'KEYS_NOT_FOUND' });
    expect([asked, sent]).toEqual([['whole'], []]);
  });

  it('checks the keys once more after a refusal, and asks again only with others', async () => {
    const { obtain, asked, sent, answers } = setUp(1);
    answers(failure('SERVER_REFUSED'));
    await expect(obtain()).rejects.toMatchObject({ code: 'SERVER_REFUSED' });
    expect([asked, sent]).toEqual([['whole', 'newer than v1'], ['f1']]);
  });

  it('asks again after a failure that may pass', async () => {
    const { obtain, asked, sent, answers } = setUp(1);
    answers(failure('SERVER_UNAVAILABLE'), 'second');
    expect(await obtain()).toBe('second');
    expect([asked, sent]).toEqual([
      ['whole', 'newer than v1'],
      ['f1', 'f1'],
    ]);
  });
});

describe('obtainSecret with a set in memory', () => {
  it('asks at once, and checks the keys beside it', async () => {
    const { obtain, asked, sent, warmUp } = setUp(1);
    await warmUp();
    const secret = obtain();
    expect([asked, sent]).toEqual([['newer than v1'], ['f1']]);
    expect(await secret).toBe('secret');
    expect([asked, sent]).toEqual([['newer than v1'], ['f1']]);
  });

  it('does not wait for the source when the answer is there', async () => {
    const logger = recordingLogger();
    let first = true;
    const source: KeySource = {
      name: 'slow source',
      fetch: () => {
        const isFirst = first;
        first = false;
        return isFirst ? Promise.resolve(setOf(1)) : new Promise(() => undefined);
      },
    };
    const keyRing = createKeyRing(source, logger);
    await keyRing.refresh();
    expect(await obtainSecret({ keyRing, logger, request: () => Promise.resolve('secret') })).toBe('secret');
  });

  it('succeeds when the source is down, and logs it', async () => {
    const { obtain, asked, sent, serve, warmUp, logger } = setUp(1);
    await warmUp();
    serve(failure('KEYS_UNAVAILABLE'));
    expect(await obtain()).toBe('secret');
    expect([asked, sent]).toEqual([['newer than v1'], ['f1']]);
    await expect.poll(() => logger.events).toEqual(['warn keys.check-failed']);
  });

  it.each(['SERVER_UNAVAILABLE', 'SERVER_REFUSED', 'SERVER_ANSWER_UNREADABLE'] as const)(
    'asks again with the new set that the check beside it brought, after %s',
    async (code) => {
      const { obtain, asked, sent, serve, warmUp, answers } = setUp(1);
      await warmUp();
      serve(2);
      answers(failure(code), 'second');
      expect(await obtain()).toBe('second');
      expect([asked, sent]).toEqual([['newer than v1'], ['f1', 'f2']]);
    },
  );

  it('keeps the new set for the next time when the old one still worked', async () => {
    const { obtain, sent, serve, warmUp } = setUp(1);
    await warmUp();
    serve(2);
    await obtain();
    await obtain();
    expect(sent).toEqual(['f1', 'f2']);
  });

  it('fetches afresh when the check saw nothing new, and asks again with what that brings', async () => {
    const { source, logger } = { ...scriptedSource(1), logger: recordingLogger() };
    const asked: string[] = [];
    // A source whose check lies, as a cache may: only fetching whole shows the new set.
    const lying: KeySource = {
      name: 'lying source',
      fetch: async (known) => {
        asked.push(known === undefined ? 'whole' : 'newer');
        if (known !== undefined) return 'unchanged';
        return asked.length === 1 ? source.fetch() : setOf(2);
      },
    };
    const keyRing = createKeyRing(lying, logger);
    await keyRing.refresh();
    const sent: string[] = [];
    const request = (set: KeySet) => {
      sent.push(set.fingerprint);
      return set.fingerprint === 'f2' ? Promise.resolve('secret') : Promise.reject(failure('SERVER_REFUSED'));
    };
    expect(await obtainSecret({ keyRing, logger, request })).toBe('secret');
    expect([asked, sent]).toEqual([
      ['whole', 'newer', 'whole'],
      ['f1', 'f2'],
    ]);
  });

  it('does not repeat a refusal with the same set', async () => {
    const { obtain, asked, sent, warmUp, answers } = setUp(1);
    await warmUp();
    answers(failure('SERVER_REFUSED'));
    await expect(obtain()).rejects.toMatchObject({ code: 'SERVER_REFUSED' });
    expect([asked, sent]).toEqual([['newer than v1', 'whole'], ['f1']]);
  });

  it.each(['SERVER_UNAVAILABLE', 'SERVER_ANSWER_UNREADABLE'] as const)(
    'repeats %s once with the same set, and then no more',
    async (code) => {
      const { obtain, asked, sent, warmUp, answers } = setUp(1);
      await warmUp();
      answers(failure(code));
      await expect(obtain()).rejects.toMatchObject({ code });
      expect([asked, sent]).toEqual([
        ['newer than v1', 'whole'],
        ['f1', 'f1'],
      ]);
    },
  );

  it('does not hammer a source that is down', async () => {
    const { obtain, asked, sent, serve, warmUp, answers, logger } = setUp(1);
    await warmUp();
    serve(failure('KEYS_UNAVAILABLE'));
    answers(failure('SERVER_UNAVAILABLE'));
    await expect(obtain()).rejects.toMatchObject({ code: 'SERVER_UNAVAILABLE' });
    expect([asked, sent]).toEqual([['newer than v1'], ['f1', 'f1']]);
    expect(logger.events).toContain('warn keys.check-failed');
  });

  it.each([
    ['a network failure', failure('NETWORK_TIMEOUT')],
    ['429', new AskedTooOften(5000)],
    ['a setting that is wrong', failure('SETTINGS_INVALID')],
  ])('neither asks again nor fetches after %s', async (_, error) => {
    const { obtain, asked, sent, warmUp, answers } = setUp(1);
    await warmUp();
    answers(error);
    await expect(obtain()).rejects.toBe(error);
    expect([asked, sent]).toEqual([['newer than v1'], ['f1']]);
  });

  it('fetches afresh, and leaves a server alone that wishes so and whose keys are the same', async () => {
    const { obtain, asked, sent, warmUp, answers } = setUp(1);
    await warmUp();
    const error = failure('SERVER_UNAVAILABLE', 5000);
    answers(error);
    await expect(obtain()).rejects.toBe(error);
    expect([asked, sent]).toEqual([['newer than v1', 'whole'], ['f1']]);
  });

  it('asks again with new keys even a server that wishes to be asked later, but not after 429', async () => {
    const { obtain, asked, sent, serve, warmUp, answers } = setUp(1);
    await warmUp();
    serve(2);
    answers(failure('SERVER_UNAVAILABLE', 5000), 'second');
    expect(await obtain()).toBe('second');
    expect([asked, sent]).toEqual([['newer than v1'], ['f1', 'f2']]);
    serve(3);
    answers(new AskedTooOften(5000));
    await expect(obtain()).rejects.toBeInstanceOf(AskedTooOften);
    expect(sent).toEqual(['f1', 'f2', 'f2']);
  });

  it('shares one fetch among all who ask at the same time', async () => {
    const { obtain, asked, sent } = setUp(1);
    expect(await Promise.all([obtain(), obtain(), obtain()])).toEqual(['secret', 'secret', 'secret']);
    expect([asked, sent]).toEqual([['whole'], ['f1', 'f1', 'f1']]);
  });
});

describe('createKeyRing', () => {
  it('says whether the set became another, and keeps the old one when the source fails', async () => {
    const { source, serve } = scriptedSource(1);
    const ring = createKeyRing(source, recordingLogger());
    expect(ring.current()).toBeUndefined();
    expect(await ring.refresh()).toBe('changed');
    expect(await ring.refresh()).toBe('unchanged');
    expect(await ring.refresh('whole')).toBe('unchanged');
    serve(2);
    expect(await ring.refresh()).toBe('changed');
    serve(failure('KEYS_REFUSED'));
    await expect(ring.refresh()).rejects.toMatchObject({ code: 'KEYS_REFUSED' });
    expect(ring.current()).toEqual(setOf(2));
    serve(3);
    expect(await ring.refresh('whole')).toBe('changed');
  });

  it('fetches one at a time: a check joins what is under way, a whole fetch waits for a check', async () => {
    const running: (() => void)[] = [];
    const asked: string[] = [];
    const source: KeySource = {
      name: 'slow source',
      fetch: (known) => {
        asked.push(known === undefined ? 'whole' : 'newer');
        return new Promise((resolve) => running.push(() => resolve(known === undefined ? setOf(1) : 'unchanged')));
      },
    };
    const ring = createKeyRing(source, recordingLogger());
    const first = [ring.refresh(), ring.refresh(), ring.refresh('whole')];
    expect(asked).toEqual(['whole']);
    running.shift()?.();
    expect(await Promise.all(first)).toEqual(['changed', 'changed', 'changed']);
    const check = ring.refresh();
    const whole = [ring.refresh('whole'), ring.refresh('whole')];
    expect(asked).toEqual(['whole', 'newer']);
    running.shift()?.();
    await check;
    await expect.poll(() => asked).toEqual(['whole', 'newer', 'whole']);
    running.shift()?.();
    expect(await Promise.all(whole)).toEqual(['unchanged', 'unchanged']);
    expect(asked).toHaveLength(3);
  });
});
