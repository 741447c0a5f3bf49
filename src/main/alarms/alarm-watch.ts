import type { ClockOffset } from '../../aws/assume-role.ts';
import {
  type AlarmEvent,
  type AlarmPolicy,
  type AlarmState,
  UNASKED,
  alarmDeadlines,
  alarmPolicy,
  reduceAlarms,
} from '../../core/alarms/alarms.ts';
import { type Failure, toAppError } from '../../core/errors.ts';
import type { AlarmStatus } from '../../core/health/status.ts';
import type { AlarmWatch } from '../../core/plan/plan.ts';
import type { Clock, Fetch, Logger, Random } from '../../core/ports.ts';
import type { AlarmQuestion } from '../../aws/sign-in.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';
import { Clockwork } from '../wall/clockwork.ts';

export interface AlarmWatchOptions {
  readonly watch: AlarmWatch;
  /** Name of the surface that the alarms may take over, for the log. */
  readonly surface: string;
  /**
   * Asked before each question: credentials of the watch's session that have not ended. Rejects while there are none. `fresh`: AWS
   * has just refused what it had, so they may have been revoked; asked for once, not with every refusal.
   */
  readonly credentials: (how?: 'fresh') => Promise<AwsCredentials>;
  /** The names of the alarms that ring, where somebody else asks AWS; undefined where this machine does. */
  readonly ringing?: (question: AlarmQuestion) => Promise<readonly string[]> | undefined;
  /** Where the watch itself names none. */
  readonly region: string;
  /** Instead of the regional endpoint. */
  readonly endpoint?: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** For each call, in ms. */
  readonly timeoutMs: number;
  /** Default: that of the watch's `everyMs`. */
  readonly policy?: AlarmPolicy;
  /** The alarms take the surface (true), or hand it back. Told of changes alone; before the first one they do not have it. */
  readonly onChange: (ringing: boolean) => void;
}

export interface RunningAlarmWatch {
  /** The machine woke, the network is back, or the session went live: ask soon. */
  nudge(): void;
  /** @param nowMs the status's `at`, ms since the epoch */
  status(nowMs: number): AlarmStatus;
  /** Nothing is told any more. */
  stop(): void;
}

const MOST_NAMES = 10;

/** Asks AWS for the alarms of a surface for as long as the wall runs: performs what `core/alarms` decides. Asks at once. */
export function startAlarmWatch(options: AlarmWatchOptions): RunningAlarmWatch {
  const { watch, surface, clock, random, logger } = options;
  const policy = options.policy ?? alarmPolicy(watch.everyMs);
  const clockOffset: ClockOffset = { ms: 0 };
  let state: AlarmState = UNASKED;
  let names: readonly string[] = [];
  /** Questions that AWS refused since it last answered one. */
  let refusals = 0;
  let stopped = false;
  const clockwork = new Clockwork(clock, () => {
    tell({ type: 'clock' });
  });

  const tell = (event: AlarmEvent): void => {
    if (stopped) return;
    const before = state;
    const [next, effects] = reduceAlarms(before, event, { now: clockwork.now(), fraction: random.fraction(), policy });
    state = next;
    logAnswers(before, next);
    for (const effect of effects) {
      if (effect.type === 'ask') {
        void ask(effect.question);
        continue;
      }
      const { ringing, unanswered } = effect;
      if (!ringing) names = [];
      logger.log(ringing ? 'warn' : 'info', ringing ? 'alarms.ringing' : 'alarms.over', {
        surface,
        dashboard: watch.dashboard,
        ...(ringing ? { alarms: names } : { unanswered }),
      });
      options.onChange(ringing);
    }
    clockwork.arm(alarmDeadlines(state, policy));
  };

  const logAnswers = (before: AlarmState, after: AlarmState): void => {
    if (after.failures > before.failures && after.failure !== undefined) {
      const { code, sentence: reason } = after.failure;
      const nextTryAt = after.next === undefined ? undefined : new Date(after.next.until.wall).toISOString();
      logger.log('warn', 'alarms.failed', { surface, code, reason, failures: after.failures, nextTryAt });
    } else if (after.failures === 0 && before.failures > 0) {
      logger.log('info', 'alarms.answered', { surface, failures: before.failures });
    }
  };

  const askAws = async (): Promise<readonly string[]> => {
    const credentials = await (refusals === 1 ? options.credentials('fresh') : options.credentials());
    // Loaded by the first question: the client is large, and most walls watch no alarms.
    const { describeAlarms } = await import('../../aws/alarms.ts');
    const ringing = await describeAlarms({
      fetch: options.fetch,
      clock,
      credentials,
      region: watch.region ?? options.region,
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      ...(watch.names === undefined ? {} : { names: watch.names }),
      ...(watch.prefix === undefined ? {} : { prefix: watch.prefix }),
      timeoutMs: options.timeoutMs,
      clockOffset,
    });
    return ringing.map(({ name }) => name);
  };

  const ask = async (question: number): Promise<void> => {
    try {
      const ringing = await (options.ringing?.(watch) ?? askAws());
      refusals = 0;
      if (state.question?.id === question) names = ringing.slice(0, MOST_NAMES);
      tell({ type: 'answered', question, ringing: ringing.length > 0 });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code === 'ALARMS_REFUSED') refusals += 1;
      tell({ type: 'failed', question, failure });
    }
  };

  const failureOf = (error: unknown): Failure => {
    const failure = toAppError(error);
    if (failure.code === 'INTERNAL') logger.log('error', 'alarms.error', { surface, error });
    return failure.toFailure();
  };

  tell({ type: 'clock' });
  return {
    nudge() {
      tell({ type: 'nudge' });
    },
    status(nowMs) {
      const { ringing, answeredAt, failure } = state;
      // By the clock that shows more, for one stands still in sleep and the other can be set.
      const ageMs =
        answeredAt === undefined
          ? undefined
          : Math.max(0, clock.monotonic() - answeredAt.monotonic, nowMs - answeredAt.wall);
      return {
        ringing,
        names,
        ...(ageMs === undefined ? {} : { answeredAt: nowMs - ageMs }),
        ...(failure === undefined ? {} : { failure }),
      };
    },
    stop() {
      stopped = true;
      clockwork.stop();
    },
  };
}
