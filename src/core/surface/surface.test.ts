import { describe, expect, it } from 'vitest';
import { type SurfaceEvent, type SurfaceState, reduceSurface } from './surface.ts';

const failure = { code: 'CONSOLE_LOAD_FAILED', sentence: 'It did not load.' } as const;
const enter = (attempt: number): SurfaceEvent => ({
  type: 'enter',
  view: { attempt, partition: attempt % 2 === 1 ? 'a' : 'b' },
  loginUrl: 'https://login',
});
const painted = (attempt: number): SurfaceEvent => ({ type: 'painted', attempt, verified: true });

function run(...events: SurfaceEvent[]) {
  let state: SurfaceState = { kind: 'notice' };
  let last: readonly { type: string }[] = [];
  for (const event of events) [state, last] = reduceSurface(state, event);
  return { state, effects: last.map(({ type }) => type), last };
}

describe('a surface', () => {
  it('shows nothing of a view until it has painted', () => {
    expect(run(enter(1))).toMatchObject({ state: { kind: 'entering' }, effects: ['open'] });
    expect(run(enter(1), painted(1))).toMatchObject({
      state: { kind: 'showing', view: { attempt: 1 } },
      effects: ['raise', 'report-entered'],
    });
  });

  it('raises the new view before it closes the old one', () => {
    expect(run(enter(1), painted(1), enter(2), painted(2)).last).toMatchObject([
      { type: 'raise', attempt: 2 },
      { type: 'close', attempt: 1 },
      { type: 'report-entered', attempt: 2 },
    ]);
  });

  it('keeps the live picture when the incoming view fails or is abandoned', () => {
    const events: SurfaceEvent[] = [
      { type: 'load-failed', attempt: 2, failure },
      { type: 'abandon', attempt: 2 },
      { type: 'view-gone', attempt: 2, failure },
      { type: 'lost', attempt: 2, failure },
    ];
    for (const event of events) {
      const { state, last } = run(enter(1), painted(1), enter(2), event);
      expect(state).toEqual({ kind: 'showing', view: { attempt: 1, partition: 'a' } });
      expect(last[0]).toEqual({ type: 'close', attempt: 2 });
    }
  });

  it('reports the loss of the live view and leaves its picture', () => {
    expect(run(enter(1), painted(1), { type: 'lost', attempt: 1, failure })).toMatchObject({
      state: { kind: 'showing' },
      effects: ['report-lost'],
    });
  });

  it('puts the notice up before it closes a live view that is gone or dark', () => {
    expect(run(enter(1), painted(1), { type: 'view-gone', attempt: 1, failure })).toMatchObject({
      state: { kind: 'notice' },
      effects: ['raise-notice', 'close', 'report-lost'],
    });
    expect(run(enter(1), painted(1), { type: 'dark' })).toMatchObject({
      state: { kind: 'notice' },
      effects: ['raise-notice', 'close'],
    });
  });

  it('goes on with the incoming view when the live one is gone', () => {
    expect(run(enter(1), painted(1), enter(2), { type: 'view-gone', attempt: 1, failure }).state).toEqual({
      kind: 'entering',
      incoming: { attempt: 2, partition: 'b' },
    });
  });

  it('closes an incoming view that another one supersedes', () => {
    expect(run(enter(1), enter(2)).last).toMatchObject([
      { type: 'close', attempt: 1 },
      { type: 'open', view: { attempt: 2 } },
    ]);
  });

  it('ignores what views that are gone still say', () => {
    for (const event of [painted(1), { type: 'view-gone', attempt: 1, failure } as const]) {
      const { state, effects } = run(enter(1), painted(1), enter(2), painted(2), event);
      expect(state).toMatchObject({ kind: 'showing', view: { attempt: 2 } });
      expect(effects).toEqual([]);
    }
  });
});
