import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock, Logger } from '../../core/ports.ts';
import type { Json } from '../state/state-store.ts';
import { memoryState } from '../state/testing/memory.ts';
import { anchorToAll, anchorToFile, anchorToLog, readAnchors } from './anchors.ts';
import type { AuditEvent } from './audit.ts';
import { batchAfter, GENESIS, headAfter, linesOf, verifyStream, type Anchor, type Batch } from './chain.ts';
import { createStateAudit, readStream, readStreams, type AnchorSink } from './state-audit.ts';

const silent: Logger = { log: () => undefined };
const event = (reason: string): AuditEvent => ({ event: 'credentials', allowed: true, reason, caller: 'lobby-1' });

function clockAt(start: number): Clock & { time: number } {
  const clock = {
    time: start,
    now: () => clock.time,
    monotonic: () => clock.time,
    sleep: () => Promise.resolve(),
  };
  return clock;
}

function auditOf(state: ReturnType<typeof memoryState>, anchor: AnchorSink = () => Promise.resolve(), stream = 'main') {
  const clock = clockAt(1_000_000);
  return {
    clock,
    audit: createStateAudit({ state, clock, logger: silent, stream, anchor, anchorEveryMs: 60_000 }),
  };
}

/** Ten lines in batches of one to four, with an anchor after the seventh and the last line. */
function chainOfTen(): { batches: Batch[]; anchors: Anchor[] } {
  const batches: Batch[] = [];
  let head = { seq: 0, hash: GENESIS };
  for (const size of [1, 4, 2, 3]) {
    const batch = batchAfter(
      head,
      Array.from({ length: size }, (_, index) => ({ at: index, event: event(`line ${String(index)}`) })),
    );
    batches.push(batch);
    head = headAfter(batch);
  }
  const anchorAt = (count: number): Anchor => {
    const batch = batches[count - 1];
    if (batch === undefined) throw new Error('no such batch');
    return { stream: 'main', at: 0, ...headAfter(batch) };
  };
  return { batches, anchors: [anchorAt(3), anchorAt(4)] };
}

describe('the chain of audit lines', () => {
  it('is whole as it was written', () => {
    const { batches, anchors } = chainOfTen();
    expect(verifyStream('main', batches, anchors)).toMatchObject({ head: { seq: 10 }, breaks: [], provenFrom: 1 });
  });

  it('shows every changed character of every line', () => {
    const { batches } = chainOfTen();
    fc.assert(
      fc.property(fc.nat(3), fc.nat(3), fc.nat(200), (batchIndex, lineIndex, position) => {
        const batch = batches[batchIndex];
        const line = batch?.lines[lineIndex];
        fc.pre(batch !== undefined && line !== undefined && position < line.length);
        const changed = `${line.slice(0, position)}${line[position] === 'x' ? 'y' : 'x'}${line.slice(position + 1)}`;
        const lines = batch.lines.with(lineIndex, changed);
        expect(verifyStream('main', batches.with(batchIndex, { ...batch, lines }), []).breaks).not.toEqual([]);
      }),
    );
  });

  it('shows a removed batch, a removed line, two batches in the wrong order, and a cut tail by its anchor', () => {
    const { batches, anchors } = chainOfTen();
    for (const gone of [1, 2]) {
      expect(verifyStream('main', batches.toSpliced(gone, 1), []).breaks[0]?.sentence).toMatch(/missing/);
    }
    const second = batches[1];
    if (second === undefined) throw new Error('no second batch');
    const shorter = { ...second, lines: second.lines.slice(0, 3) };
    expect(verifyStream('main', batches.with(1, shorter), []).breaks).not.toEqual([]);
    const [a, b, c, d] = batches;
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('too few');
    expect(verifyStream('main', [a, c, b, d], []).breaks).not.toEqual([]);
    expect(verifyStream('main', batches.slice(0, 3), []).breaks).toEqual([]);
    expect(verifyStream('main', batches.slice(0, 3), anchors).breaks[0]?.sentence).toMatch(/end was cut off/);
    expect(verifyStream('main', [], anchors).breaks[0]?.sentence).toMatch(/end was cut off/);
  });

  it('shows by its anchors a log that was written anew from some line on', () => {
    const { batches, anchors } = chainOfTen();
    const third = batches[1];
    if (third === undefined) throw new Error('too few');
    const forged = batchAfter(
      headAfter(third),
      Array.from({ length: 5 }, () => ({ at: 0, event: event('nothing happened') })),
    );
    const rewritten = [...batches.slice(0, 2), forged];
    expect(verifyStream('main', rewritten, []).breaks).toEqual([]);
    expect(verifyStream('main', rewritten, anchors).breaks[0]).toMatchObject({
      seq: 7,
      sentence: 'This line is not the one that was anchored.',
    });
  });

  it('is proven from the first anchor on where old lines were dropped by age', () => {
    const { batches, anchors } = chainOfTen();
    expect(verifyStream('main', batches.slice(2), anchors)).toMatchObject({ breaks: [], provenFrom: 8 });
    expect(verifyStream('main', batches.slice(2), [])).toMatchObject({ breaks: [], provenFrom: 11 });
  });
});

describe('the audit log', () => {
  let folder: string | undefined;
  afterEach(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    folder = undefined;
  });

  it('writes what comes together as one document, in order, and goes on where it ended', async () => {
    const state = memoryState();
    const first = auditOf(state).audit;
    await Promise.all(Array.from({ length: 250 }, (_, index) => first.append(event(String(index)))));
    await first.close();
    const second = auditOf(state).audit;
    await second.append(event('after a restart'));
    const batches = await readStream(state, 'main');
    expect(batches.map((batch) => batch.lines.length)).toEqual([100, 100, 50, 1]);
    const reasons = batches.flatMap(linesOf).map((line) => line.reason);
    expect(reasons).toEqual([...Array.from({ length: 250 }, (_, index) => String(index)), 'after a restart']);
    expect(verifyStream('main', batches, []).breaks).toEqual([]);
  });

  it('keeps one chain when several processes write it at once', async () => {
    const state = memoryState();
    const audits = [1, 2, 3, 4].map(() => auditOf(state).audit);
    for (let round = 0; round < 5; round++) {
      await Promise.all(audits.map((audit, index) => audit.append(event(`${String(index)}/${String(round)}`))));
    }
    const batches = await readStream(state, 'main');
    expect(verifyStream('main', batches, [])).toMatchObject({ head: { seq: 20 }, breaks: [] });
    expect(new Set(batches.flatMap(linesOf).map((line) => line.reason)).size).toBe(20);
  });

  it('tells whoever appended a line that it could not be written, and goes on with the chain whole', async () => {
    const state = memoryState();
    const { audit } = auditOf(state);
    await audit.append(event('one'));
    let fails = 1;
    state.beforeWrite = () => {
      if (fails-- > 0) throw new Error('disk full');
    };
    await expect(audit.append(event('lost'))).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await audit.append(event('two'));
    const lost = { once: true };
    state.afterWrite = () => {
      if (!lost.once) return;
      lost.once = false;
      throw new Error('the answer got lost');
    };
    await expect(audit.append(event('written all the same'))).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await audit.append(event('three'));
    const batches = await readStream(state, 'main');
    expect(verifyStream('main', batches, []).breaks).toEqual([]);
    expect(batches.flatMap(linesOf).map((line) => line.reason)).toEqual([
      'one',
      'two',
      'written all the same',
      'three',
    ]);
  });

  it('anchors its head outside at most once a minute and at the end; the anchors show a removed tail', async () => {
    folder = await mkdtemp(join(tmpdir(), 'vigil-audit-'));
    const file = join(folder, 'anchors');
    const told: string[] = [];
    const logger: Logger = { log: (_level, name) => told.push(name) };
    const state = memoryState();
    const { audit, clock } = auditOf(state, anchorToAll([anchorToFile(file), anchorToLog(logger)]));
    await audit.append(event('one'));
    await audit.append(event('two'));
    clock.time += 60_000;
    await audit.append(event('three'));
    await audit.append(event('four'));
    await audit.close();
    const anchors = await readAnchors(file);
    expect(anchors.map((anchor) => anchor.seq)).toEqual([1, 3, 4]);
    expect(told).toEqual(['audit.anchor', 'audit.anchor', 'audit.anchor']);
    expect(verifyStream('main', await readStream(state, 'main'), anchors).breaks).toEqual([]);
    const [newest] = await state.list('audit', 1);
    state.tamper('audit', newest?.key ?? '', undefined);
    const { breaks } = verifyStream('main', await readStream(state, 'main'), anchors);
    expect(breaks[0]?.sentence).toBe('The log ends at line 3, but 4 lines were anchored: its end was cut off.');
  });

  it('anchors the last lines before a quiet time too', async () => {
    const anchored: number[] = [];
    const clock = clockAt(0);
    const audit = createStateAudit({
      ...{ state: memoryState(), clock, logger: silent, stream: 'main', anchorEveryMs: 20 },
      anchor: ({ seq }) => Promise.resolve(void anchored.push(seq)),
    });
    await audit.append(event('one'));
    await audit.append(event('two'));
    expect(anchored).toEqual([1]);
    await expect.poll(() => anchored).toEqual([1, 2]);
    await audit.close();
    expect(anchored).toEqual([1, 2]);
  });

  it('hands nothing an unsound document, and names every stream', async () => {
    const state = memoryState();
    for (const stream of ['a', 'a-1', 'b']) await auditOf(state, undefined, stream).audit.append(event(stream));
    expect([...(await readStreams(state))].sort()).toEqual(['a', 'a-1', 'b']);
    expect((await readStream(state, 'a')).flatMap(linesOf).map((line) => line.reason)).toEqual(['a']);
    const [first] = await state.list('audit', 1);
    state.tamper('audit', first?.key ?? '', { lines: 'gone' } satisfies Json);
    await expect(readStream(state, first?.key.split('/')[0] ?? '')).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  });

  it('refuses a file without anchors', async () => {
    folder = await mkdtemp(join(tmpdir(), 'vigil-audit-'));
    await expect(readAnchors(join(folder, 'absent'))).rejects.toMatchObject({ code: 'USAGE' });
    await anchorToFile(join(folder, 'x'))({ stream: 's', seq: 1, hash: 'no hash', at: 0 });
    await expect(readAnchors(join(folder, 'x'))).rejects.toMatchObject({ code: 'USAGE' });
  });
});
