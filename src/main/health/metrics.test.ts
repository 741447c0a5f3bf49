import { expect, it } from 'vitest';
import { AT, LIVE, NIGHT, SHOWING, UNPLUGGED, WAITING, wallStatus } from '../../core/health/testing/statuses.ts';
import { metricsOf } from './metrics.ts';

const alarm = { ringing: true, names: ['Orders'], answeredAt: AT - 5_000 };

async function samples(status = wallStatus()): Promise<readonly string[]> {
  return (await metricsOf(status)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

it('tells the state of a wall', async () => {
  const lines = await samples(
    wallStatus({
      sessions: [LIVE, WAITING],
      surfaces: [{ ...SHOWING, alarm }, NIGHT, UNPLUGGED, { ...SHOWING, name: 'old', dataAt: AT - 840_500 }],
    }),
  );
  expect(lines).toEqual(
    expect.arrayContaining([
      'vigil_build_info{version="1.2.3",electron="33.2.1"} 1',
      `vigil_start_timestamp_seconds ${AT / 1000 - 3600}`,
      'vigil_healthy 0',
      'vigil_safe_mode 0',
      'vigil_restarts_total 2',
      'vigil_faults_total{kind="renderer-gone"} 1',
      'vigil_process_resident_memory_bytes{type="Browser"} 200000000',
      'vigil_process_resident_memory_bytes{type="Tab"} 300000000',
      'vigil_session_phase{session="ops",phase="live"} 1',
      'vigil_session_phase{session="ops",phase="waiting"} 0',
      'vigil_session_phase{session="sales",phase="waiting"} 1',
      'vigil_session_age_seconds{session="ops"} 600',
      `vigil_session_end_timestamp_seconds{session="ops"} ${AT / 1000 + 3000}`,
      `vigil_session_renewal_timestamp_seconds{session="ops"} ${AT / 1000 + 1380}`,
      `vigil_session_next_try_timestamp_seconds{session="sales"} ${AT / 1000 + 20}`,
      'vigil_session_consecutive_failures{session="sales"} 4',
      'vigil_renewals_total{session="ops"} 3',
      'vigil_sign_in_failures_total{session="ops",code="STS_UNAVAILABLE"} 2',
      'vigil_sign_in_failures_total{session="ops",code="NETWORK_DNS"} 1',
      'vigil_surface_up{surface="left"} 1',
      'vigil_surface_up{surface="right"} 1',
      'vigil_surface_up{surface="old"} 0',
      'vigil_surface_state{surface="left",state="showing"} 1',
      'vigil_surface_state{surface="top",state="unplugged"} 1',
      'vigil_surface_dashboard_info{surface="left",dashboard="orders"} 1',
      'vigil_dashboard_failures_total{surface="left",code="CONSOLE_LOAD_FAILED"} 5',
      'vigil_data_age_seconds{surface="left"} 60',
      'vigil_data_age_seconds{surface="old"} 840.5',
      'vigil_data_age_limit_seconds{surface="left"} 180',
      'vigil_alarm_ringing{surface="left"} 1',
      `vigil_alarm_answer_timestamp_seconds{surface="left"} ${AT / 1000 - 5}`,
    ]),
  );
  const about = (metric: string) => lines.filter((line) => line.startsWith(metric)).join();
  expect(about('vigil_session_age_seconds')).not.toContain('sales');
  expect(about('vigil_surface_up')).not.toContain('top');
  expect(about('vigil_data_age_seconds')).not.toMatch(/right|top/);
});

it('says of every metric what it is, and follows the rules for names', async () => {
  const text = await metricsOf(wallStatus());
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({ name, type }));
  expect(types.length).toBeGreaterThan(15);
  for (const { name, type } of types) {
    expect(name).toMatch(/^vigil_[a-z_]+[a-z]$/);
    expect(text).toContain(`# HELP ${name} `);
    expect(name.endsWith('_total')).toBe(type === 'counter');
  }
});

it('keeps nothing of one scrape for the next', async () => {
  await metricsOf(wallStatus());
  const lines = await samples(wallStatus({ sessions: [], surfaces: [], faults: {} }));
  expect(lines.filter((line) => /ops|left|renderer/.test(line))).toEqual([]);
  expect(lines).toContain('vigil_restarts_total 2');
});

it('writes names that hold quotes and line ends so that they can be read', async () => {
  const lines = await samples(wallStatus({ surfaces: [{ ...SHOWING, name: 'a"b\\c\nd' }] }));
  expect(lines).toContain('vigil_surface_up{surface="a\\"b\\\\c\\nd"} 1');
});
