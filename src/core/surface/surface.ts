/**
 * The state machine of one surface: what fills one display.
 *
 *  notice ─► entering(incoming) ─► showing(view) ─► swapping(view, incoming) ─► showing(incoming)
 *
 * A view is named by the sign-in that it belongs to. A picture that shows is taken down only for one that has painted, or when
 * its session says that nothing fresh can be shown.
 */
import type { Failure } from '../errors.ts';
import type { Partition } from '../session/state.ts';

/** One console view: the sign-in it belongs to and the partition its cookies live in. */
export interface View {
  readonly attempt: number;
  readonly partition: Partition;
}

export type SurfaceState =
  | { readonly kind: 'notice' }
  | { readonly kind: 'entering'; readonly incoming: View }
  | { readonly kind: 'showing'; readonly view: View }
  | { readonly kind: 'swapping'; readonly view: View; readonly incoming: View };

export type SurfaceEvent =
  | { readonly type: 'enter'; readonly view: View; readonly loginUrl: string }
  | { readonly type: 'painted'; readonly attempt: number; readonly verified: boolean }
  | { readonly type: 'load-failed'; readonly attempt: number; readonly failure: Failure }
  | { readonly type: 'abandon'; readonly attempt: number }
  /** The view's session is over, or its page was about to leave the console; the last picture still stands. */
  | { readonly type: 'lost'; readonly attempt: number; readonly failure: Failure }
  /** The view's renderer is gone, and its picture with it. */
  | { readonly type: 'view-gone'; readonly attempt: number; readonly failure: Failure }
  | { readonly type: 'dark' };

export type SurfaceEffect =
  | { readonly type: 'open'; readonly view: View; readonly loginUrl: string }
  /** Put the view on top; what was on top stays until it is closed. */
  | { readonly type: 'raise'; readonly attempt: number }
  | { readonly type: 'raise-notice' }
  | { readonly type: 'close'; readonly attempt: number }
  | { readonly type: 'report-entered'; readonly attempt: number; readonly verified: boolean }
  | { readonly type: 'report-entry-failed'; readonly attempt: number; readonly failure: Failure }
  | { readonly type: 'report-lost'; readonly partition: Partition; readonly failure: Failure };

export type SurfaceStep = readonly [SurfaceState, readonly SurfaceEffect[]];

/** One step of a surface. Events of views that are neither shown nor incoming change nothing. */
export function reduceSurface(state: SurfaceState, event: SurfaceEvent): SurfaceStep {
  switch (event.type) {
    case 'enter':
      return onEnter(state, event.view, event.loginUrl);
    case 'painted':
      return onPainted(state, event);
    case 'load-failed':
      return onIncomingFailed(state, event.attempt, event.failure);
    case 'abandon':
      return incomingOf(state)?.attempt === event.attempt
        ? [withoutIncoming(state), [{ type: 'close', attempt: event.attempt }]]
        : [state, []];
    case 'lost':
      if (viewOf(state)?.attempt === event.attempt) return [state, lost(state, event.failure)];
      return onIncomingFailed(state, event.attempt, event.failure);
    case 'view-gone':
      return onViewGone(state, event.attempt, event.failure);
    case 'dark':
      return onDark(state);
  }
}

function incomingOf(state: SurfaceState): View | undefined {
  return state.kind === 'entering' || state.kind === 'swapping' ? state.incoming : undefined;
}

function viewOf(state: SurfaceState): View | undefined {
  return state.kind === 'showing' || state.kind === 'swapping' ? state.view : undefined;
}

function withoutIncoming(state: SurfaceState): SurfaceState {
  const view = viewOf(state);
  return view === undefined ? { kind: 'notice' } : { kind: 'showing', view };
}

function lost(state: SurfaceState, failure: Failure): SurfaceEffect[] {
  const view = viewOf(state);
  return view === undefined ? [] : [{ type: 'report-lost', partition: view.partition, failure }];
}

function onEnter(state: SurfaceState, incoming: View, loginUrl: string): SurfaceStep {
  const effects: SurfaceEffect[] = [];
  const superseded = incomingOf(state);
  if (superseded !== undefined) effects.push({ type: 'close', attempt: superseded.attempt });
  effects.push({ type: 'open', view: incoming, loginUrl });
  const view = viewOf(state);
  return [view === undefined ? { kind: 'entering', incoming } : { kind: 'swapping', view, incoming }, effects];
}

function onPainted(state: SurfaceState, event: Extract<SurfaceEvent, { type: 'painted' }>): SurfaceStep {
  const incoming = incomingOf(state);
  if (incoming?.attempt !== event.attempt) return [state, []];
  const effects: SurfaceEffect[] = [{ type: 'raise', attempt: incoming.attempt }];
  const old = viewOf(state);
  if (old !== undefined) effects.push({ type: 'close', attempt: old.attempt });
  effects.push({ type: 'report-entered', attempt: incoming.attempt, verified: event.verified });
  return [{ kind: 'showing', view: incoming }, effects];
}

function onIncomingFailed(state: SurfaceState, attempt: number, failure: Failure): SurfaceStep {
  if (incomingOf(state)?.attempt !== attempt) return [state, []];
  return [
    withoutIncoming(state),
    [
      { type: 'close', attempt },
      { type: 'report-entry-failed', attempt, failure },
    ],
  ];
}

function onViewGone(state: SurfaceState, attempt: number, failure: Failure): SurfaceStep {
  if (viewOf(state)?.attempt !== attempt) return onIncomingFailed(state, attempt, failure);
  const incoming = incomingOf(state);
  const next: SurfaceState = incoming === undefined ? { kind: 'notice' } : { kind: 'entering', incoming };
  return [next, [{ type: 'raise-notice' }, { type: 'close', attempt }, ...lost(state, failure)]];
}

function onDark(state: SurfaceState): SurfaceStep {
  const view = viewOf(state);
  if (view === undefined) return [state, [{ type: 'raise-notice' }]];
  const incoming = incomingOf(state);
  const next: SurfaceState = incoming === undefined ? { kind: 'notice' } : { kind: 'entering', incoming };
  return [next, [{ type: 'raise-notice' }, { type: 'close', attempt: view.attempt }]];
}
