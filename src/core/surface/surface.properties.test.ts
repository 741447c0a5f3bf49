import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Failure } from '../errors.ts';
import { type SurfaceEffect, type SurfaceEvent, type SurfaceState, reduceSurface } from './surface.ts';

const FAILURE: Failure = { code: 'CONSOLE_LOAD_FAILED', sentence: 'It did not load.' };
const attempt = fc.integer({ min: 1, max: 4 });
const told = (type: 'load-failed' | 'lost' | 'view-gone') =>
  attempt.map((id): SurfaceEvent => ({ type, attempt: id, failure: FAILURE }));
/** `enter` is for the next attempt; attempts are told by how old they are, so that most of them mean somebody. */
const event: fc.Arbitrary<SurfaceEvent> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constant<SurfaceEvent>({
      type: 'enter',
      view: { attempt: 0, partition: 'a' },
      loginUrl: 'https://login',
    }),
  },
  { weight: 4, arbitrary: attempt.map((id): SurfaceEvent => ({ type: 'painted', attempt: id, verified: true })) },
  { weight: 2, arbitrary: told('load-failed') },
  { weight: 2, arbitrary: told('lost') },
  { weight: 2, arbitrary: told('view-gone') },
  { weight: 2, arbitrary: attempt.map((id): SurfaceEvent => ({ type: 'abandon', attempt: id })) },
  { weight: 1, arbitrary: fc.constant<SurfaceEvent>({ type: 'dark' }) },
);

interface Step {
  readonly before: SurfaceState;
  readonly after: SurfaceState;
  readonly effects: readonly SurfaceEffect[];
  readonly event: SurfaceEvent;
}

function live(events: readonly SurfaceEvent[]): Step[] {
  let state: SurfaceState = { kind: 'notice' };
  let newest = 0;
  return events.map((given) => {
    let event = given;
    if (given.type === 'enter') {
      newest += 1;
      event = { ...given, view: { attempt: newest, partition: newest % 2 === 1 ? 'a' : 'b' } };
    } else if ('attempt' in given) event = { ...given, attempt: newest + 1 - given.attempt };
    const before = state;
    const [after, effects] = reduceSurface(before, event);
    state = after;
    return { before, after, effects, event };
  });
}

/** Holds for any life as a whole. */
function always(holds: (steps: readonly Step[]) => boolean): void {
  const lives = fc.array(event, { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(lives, (events) => holds(live(events))),
    { numRuns: 500 },
  );
}

const viewOf = (state: SurfaceState) =>
  state.kind === 'showing' || state.kind === 'swapping' ? state.view.attempt : undefined;
const incomingOf = (state: SurfaceState) =>
  state.kind === 'entering' || state.kind === 'swapping' ? state.incoming.attempt : undefined;

describe('any life of a surface', () => {
  it('keeps open the views that it knows and no others, each opened and closed once', () => {
    always((steps) => {
      const open = new Set<number>();
      const opened = new Set<number>();
      return steps.every(({ after, effects }) => {
        for (const effect of effects) {
          if (effect.type === 'open') {
            if (opened.has(effect.view.attempt)) return false;
            open.add(effect.view.attempt);
            opened.add(effect.view.attempt);
          } else if (effect.type === 'close' && !open.delete(effect.attempt)) return false;
        }
        const known = [viewOf(after), incomingOf(after)].filter((one) => one !== undefined);
        return known.length === open.size && known.every((one) => open.has(one));
      });
    });
  });

  it('shows what it says, and closes nothing while it is on top', () => {
    always((steps) => {
      let onTop: number | undefined;
      return steps.every(({ after, effects }) => {
        for (const effect of effects) {
          if (effect.type === 'raise') onTop = effect.attempt;
          else if (effect.type === 'raise-notice') onTop = undefined;
          else if (effect.type === 'close' && effect.attempt === onTop) return false;
        }
        return onTop === viewOf(after);
      });
    });
  });

  it('puts a view on top only when that one has just painted', () => {
    always((steps) =>
      steps.every(({ before, effects, event }) =>
        effects.every(
          (effect) =>
            effect.type !== 'raise' ||
            (event.type === 'painted' && event.attempt === effect.attempt && incomingOf(before) === effect.attempt),
        ),
      ),
    );
  });

  it('takes a picture down only for one that has painted, when it is gone, or when it is told to go dark', () => {
    always((steps) =>
      steps.every(({ before, after, event }) => {
        const was = viewOf(before);
        if (was === undefined || viewOf(after) === was) return true;
        return (
          event.type === 'painted' || event.type === 'dark' || (event.type === 'view-gone' && event.attempt === was)
        );
      }),
    );
  });

  it('reports how every view that it opened has ended, unless it was told to drop it', () => {
    always((steps) =>
      steps.every(({ before, after, effects, event }) => {
        const was = incomingOf(before);
        if (was === undefined || incomingOf(after) === was) return true;
        const isReported = effects.some(
          (effect) =>
            (effect.type === 'report-entered' || effect.type === 'report-entry-failed') && effect.attempt === was,
        );
        return isReported !== (event.type === 'abandon' || event.type === 'enter');
      }),
    );
  });
});
