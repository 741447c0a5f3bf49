/** docs/health.md is held to the code: every metric, field and log event is in it, and none that is no more. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { SurfaceStatus } from '../../core/health/status.ts';
import { AT, LIVE, SHOWING, WAITING, wallStatus } from '../../core/health/testing/statuses.ts';
import { metricsOf } from './metrics.ts';

const sources = join(import.meta.dirname, '../..');
const text = readFileSync(join(sources, '../docs/health.md'), 'utf8');

/** Code-quoted words in the first column of the tables of a section. */
function firstColumn(section: string): string[] {
  const body = text.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  const cells = body.split('\n').filter((line) => line.startsWith('| `'));
  return cells.flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, word = '']) => word));
}

it('lists every metric with its labels', async () => {
  const failure = { code: 'INTERNAL', sentence: '' } as const;
  const alarm = { ringing: true, names: [], answeredAt: AT, failure };
  const scraped = await metricsOf(wallStatus({ sessions: [LIVE, WAITING], surfaces: [{ ...SHOWING, alarm }] }));
  const names = [...scraped.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
  expect(firstColumn('`/metrics`')).toEqual(names);
  for (const name of names) {
    const labels = new RegExp(`^${name}\\{([^}]*)\\}`, 'm').exec(scraped)?.[1] ?? '';
    const row = text.split('\n').find((line) => line.split('|')[1]?.trim() === `\`${name}\``);
    const listed = [...(row?.split('|')[2] ?? '').matchAll(/`(\w+)`/g)].map(([, label]) => label);
    expect([name, listed]).toEqual([name, [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label)]);
  }
});

it('lists every field of the state', () => {
  const failure = { code: 'INTERNAL', sentence: '' } as const;
  const surface: Required<SurfaceStatus> = {
    name: '',
    state: 'showing',
    display: { id: 1, label: '', bounds: { x: 0, y: 0, width: 0, height: 0 } },
    atNight: false,
    dashboard: '',
    session: '',
    paintedAt: 0,
    dataAt: 0,
    staleAfterMs: 0,
    stale: false,
    failure,
    failuresByCode: {},
    alarm: { ringing: false, names: [] },
  };
  const fields = [
    ...Object.keys({ ...wallStatus(), health: {} }).filter((field) => field !== 'sessions' && field !== 'surfaces'),
    ...Object.keys({ ...LIVE, ...WAITING, failure }).map((field) => `sessions[].${field}`),
    ...Object.keys(surface).map((field) => `surfaces[].${field}`),
  ];
  expect(
    firstColumn('`/state`')
      .map((field) => field.replace('?', ''))
      .sort(),
  ).toEqual(fields.sort());
});

/** Events by the calls that log them. Those whose name is put together are left to whoever writes them. */
function loggedEvents(): Set<string> {
  const events = new Set<string>();
  for (const file of readdirSync(sources, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || /\.test\.ts$|(^|\/)testing\/|^(standin|simulator|server)\//.test(file)) continue;
    const code = readFileSync(join(sources, file), 'utf8');
    const calls = /\b(?:log|#log|warn|#tell)\(\s*(?:'(?:debug|info|warn|error)'\s*,\s*)?'([a-z-]+\.[a-z-]+)'/g;
    for (const [, event = ''] of code.matchAll(calls)) events.add(event);
  }
  return events;
}

it('lists every log event', () => {
  const listed = new Set(firstColumn('Log events'));
  const events = loggedEvents();
  expect(events.size).toBeGreaterThan(40);
  expect([...events].filter((event) => !listed.has(event))).toEqual([]);
});

it('lists no log event that nothing in the code names', () => {
  const all = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|^(standin|simulator|server)\//.test(file))
    .map((file) => readFileSync(join(sources, file), 'utf8'))
    .join('\n');
  // The parts of names that are put together: a prefix with a kind, a phase or an answer.
  const isNamed = (event: string) => {
    const [prefix = '', kind = ''] = event.split('.');
    return all.includes(`'${event}'`) || (all.includes(`\`${prefix}.\${`) && all.includes(`'${kind}'`));
  };
  expect(firstColumn('Log events').filter((event) => !isNamed(event))).toEqual([]);
});
