import { Counter, Gauge, Registry } from 'prom-client';
import { SURFACE_STATES, dataAgeMs, judgeHealth, judgeSurface, type WallStatus } from '../../core/health/status.ts';

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

const PHASES = ['idle', 'signing-in', 'waiting', 'live', 'renewing'] as const;

/** Labels of a sample, and its value. */
type Sample = readonly [Readonly<Record<string, string>>, number];

/**
 * A wall's status in the text format of Prometheus: base units (seconds, bytes), counters that end in `_total`. A registry is made for
 * each scrape, so that a session or a display that is gone leaves nothing behind. docs/health.md lists the names.
 */
export async function metricsOf(status: WallStatus): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const add = (kind: typeof Gauge | typeof Counter, name: string, help: string, samples: readonly Sample[]): void => {
    // Every name is told even while it has no sample, but not with a 0 that would be no truth.
    const labelNames = Object.keys(samples[0]?.[0] ?? { none: '' });
    const metric = new kind({ name: `vigil_${name}`, help, labelNames, registers });
    for (const [labels, value] of samples) if (Number.isFinite(value)) metric.inc(labels, value);
  };
  const gauge = (name: string, help: string, samples: readonly Sample[]) => {
    add(Gauge, name, help, samples);
  };
  const counter = (name: string, help: string, samples: readonly Sample[]) => {
    add(Counter, name, help, samples);
  };
  wallMetrics(status, gauge, counter);
  sessionMetrics(status, gauge, counter);
  surfaceMetrics(status, gauge, counter);
  return registry.metrics();
}

type Add = (name: string, help: string, samples: readonly Sample[]) => void;

function wallMetrics(status: WallStatus, gauge: Add, counter: Add): void {
  const { version, electron, at } = status;
  gauge('build_info', 'What runs; always 1.', [[{ version, electron }, 1]]);
  gauge('start_timestamp_seconds', 'When the program started, Unix time.', [[{}, status.startedAt / 1000]]);
  gauge('healthy', 'Whether /healthz answers 200.', [[{}, Number(judgeHealth(status, at).ok)]]);
  gauge('safe_mode', 'Whether the program runs in safe mode.', [[{}, Number(status.safeMode)]]);
  counter('restarts_total', 'Starts after the program had ended, by its supervisor or by itself.', [
    [{}, status.restarts],
  ]);
  counter('faults_total', 'What the watchdogs met.', each('kind', status.faults));
  gauge('process_resident_memory_bytes', 'Resident memory by type of process.', each('type', status.memoryBytes));
}

function sessionMetrics({ sessions, at }: WallStatus, gauge: Add, counter: Add): void {
  const isSignedIn = (phase: string) => phase === 'live' || phase === 'renewing';
  const seconds = (value: number | undefined, session: string): readonly Sample[] =>
    value === undefined ? [] : [[{ session }, value / 1000]];
  gauge(
    'session_phase',
    'Phase of the session: 1 for the one that it is in.',
    sessions.flatMap(({ name, phase }) =>
      PHASES.map((one): Sample => [{ session: name, phase: one }, Number(one === phase)]),
    ),
  );
  gauge(
    'session_age_seconds',
    'How long the session has been signed in.',
    sessions.flatMap((one) => (isSignedIn(one.phase) ? seconds(Math.max(0, at - one.since), one.name) : [])),
  );
  gauge(
    'session_end_timestamp_seconds',
    'When the session ends, Unix time.',
    sessions.flatMap(({ endsAt, name }) => seconds(endsAt, name)),
  );
  gauge(
    'session_renewal_timestamp_seconds',
    'When the next renewal is due, Unix time.',
    sessions.flatMap(({ renewsAt, name }) => seconds(renewsAt, name)),
  );
  gauge(
    'session_next_try_timestamp_seconds',
    'When a try that failed is repeated, Unix time.',
    sessions.flatMap(({ nextTryAt, name }) => seconds(nextTryAt, name)),
  );
  gauge(
    'session_consecutive_failures',
    'Tries that failed in a row.',
    sessions.map(({ name, failures }) => [{ session: name }, failures]),
  );
  counter(
    'renewals_total',
    'Renewals that went live.',
    sessions.map(({ name, renewals }) => [{ session: name }, renewals]),
  );
  counter(
    'sign_in_failures_total',
    'Sign-ins and renewals that failed, by code.',
    sessions.flatMap(({ name, failuresByCode }) =>
      Object.entries(failuresByCode).map(([code, count]): Sample => [{ session: name, code }, count]),
    ),
  );
}

function surfaceMetrics(status: WallStatus, gauge: Add, counter: Add): void {
  const { surfaces, at } = status;
  gauge(
    'surface_up',
    'Whether the surface does what it is for: fresh data, or black at night; absent while it is unplugged.',
    surfaces.flatMap((surface): readonly Sample[] =>
      surface.state === 'unplugged' ? [] : [[{ surface: surface.name }, Number(judgeSurface(surface, status, at).ok)]],
    ),
  );
  gauge(
    'surface_state',
    'State of the surface: 1 for the one that it is in.',
    surfaces.flatMap(({ name, state }) =>
      SURFACE_STATES.map((one): Sample => [{ surface: name, state: one }, Number(one === state)]),
    ),
  );
  gauge(
    'surface_dashboard_info',
    'The dashboard that the surface shows; always 1.',
    surfaces.flatMap(({ name, dashboard }): readonly Sample[] =>
      dashboard === undefined ? [] : [[{ surface: name, dashboard }, 1]],
    ),
  );
  counter(
    'dashboard_failures_total',
    'Loads of dashboards that failed.',
    surfaces.flatMap(({ name, failuresByCode }) =>
      each('code', failuresByCode).map(([code, value]): Sample => [{ surface: name, ...code }, value]),
    ),
  );
  gauge(
    'data_age_seconds',
    'Age of the data on the surface.',
    surfaces.flatMap((surface): readonly Sample[] => {
      const age = surface.state === 'night' || surface.state === 'unplugged' ? undefined : dataAgeMs(surface, at);
      return age === undefined ? [] : [[{ surface: surface.name }, age / 1000]];
    }),
  );
  gauge(
    'data_age_limit_seconds',
    'Age from which on the data on the surface is stale.',
    surfaces.flatMap(({ name, staleAfterMs }): readonly Sample[] =>
      staleAfterMs === undefined ? [] : [[{ surface: name }, staleAfterMs / 1000]],
    ),
  );
  gauge(
    'alarm_ringing',
    'Whether alarms have the surface.',
    surfaces.flatMap(({ name, alarm }): readonly Sample[] =>
      alarm === undefined ? [] : [[{ surface: name }, Number(alarm.ringing)]],
    ),
  );
  gauge(
    'alarm_answer_timestamp_seconds',
    'When AWS last answered for the alarms of the surface, Unix time.',
    surfaces.flatMap(({ name, alarm }): readonly Sample[] =>
      alarm?.answeredAt === undefined ? [] : [[{ surface: name }, alarm.answeredAt / 1000]],
    ),
  );
}

function each(label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => [{ [label]: name }, value]);
}
