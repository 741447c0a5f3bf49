import { type IncomingHttpHeaders, request } from 'node:http';
import type { Health, WallStatus } from '../src/core/health/status.ts';
import { eavesdrop } from './support/eavesdropper.ts';
import { failToRenew, renew } from './support/renewals.ts';
import { SecretSearch } from './support/secret-search.ts';
import { SECRET_NAME, USER } from './support/stage.ts';
import { expect, test } from './support/test.ts';
import type { Wall } from './support/wall.ts';

const WRONG_SECRET = 'wR0nG8sEcRetKeyThatAwsRefuses7bQx2LmZt4K';

test('the health page tells a wall as it is: signing in, live, renewed, without data, and well again', async ({
  stage,
  startWall,
  tray,
}) => {
  const eavesdropper = eavesdrop();
  try {
    await stage.control.fail('autoid', { kind: 'hang' });
    const wall = startWall({
      settings: {
        network: { timeoutSeconds: 2 },
        dashboard: { refreshSeconds: 0, staleAfterSeconds: 10 },
        wall: { paintDeadlineSeconds: 6 },
      },
      environment: { VIGIL_HEALTH_PORT: '0' },
    });
    const page = await HealthPage.of(wall);

    await expect.poll(async () => (await page.state()).sessions[0]?.phase).toBe('signing-in');
    expect(await page.health()).toMatchObject({ status: 503, ok: false, code: 'NO_PICTURE', surface: 'main' });
    await expect.poll(() => page.health()).toMatchObject({ status: 503, failure: 'NETWORK_TIMEOUT' });
    expect((await page.metrics()).get('vigil_healthy')).toBe(0);

    await stage.control.heal('autoid');
    const { endsAt } = await wall.isLive();
    await expect.poll(() => page.health()).toEqual({ status: 200, ok: true, showing: 1 });
    const state = await page.state();
    expect(state).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      restarts: 0,
      safeMode: false,
      health: { ok: true, showing: 1 },
      sessions: [{ name: 'default', phase: 'live', failures: 0, renewals: 0 }],
      surfaces: [{ name: 'main', state: 'showing', dashboard: 'default', staleAfterMs: 10_000, stale: false }],
    });
    expect(state.surfaces[0]?.display?.bounds).toEqual({ x: 0, y: 0, width: 1920, height: 1080 });
    expect(Object.keys(state.memoryBytes)).toEqual(expect.arrayContaining(['Browser', 'Tab']));

    const first = await page.metrics();
    expect(first.get('vigil_healthy')).toBe(1);
    expect(first.get('vigil_session_phase{session="default",phase="live"}')).toBe(1);
    expect(first.get('vigil_renewals_total{session="default"}')).toBe(0);
    const timeouts = first.get('vigil_sign_in_failures_total{session="default",code="NETWORK_TIMEOUT"}');
    expect(timeouts).toBe(wall.log.of('session.waiting').length);
    const end = first.get('vigil_session_end_timestamp_seconds{session="default"}') ?? 0;
    expect(Math.abs(end * 1000 - Date.parse(String(endsAt)))).toBeLessThan(1_000);

    // Credentials that are refused, so that there is a secret at hand when the failure is told.
    stage.control.setSecret(SECRET_NAME, `${USER.accessKeyId},${WRONG_SECRET}`);
    await failToRenew(wall, tray);
    expect((await page.state()).sessions[0]?.failure?.code).toBe('STS_CREDENTIALS_INVALID');
    expect((await page.metrics()).get('vigil_session_consecutive_failures{session="default"}')).toBe(1);
    stage.control.setSecret(SECRET_NAME, `${USER.accessKeyId},${USER.secretAccessKey}`);
    await renew(wall, tray);
    const renewed = await page.metrics();
    expect(renewed.get('vigil_renewals_total{session="default"}')).toBe(1);
    const refused = 'vigil_sign_in_failures_total{session="default",code="STS_CREDENTIALS_INVALID"}';
    expect(renewed.get(refused)).toBe(1);
    expect(renewed.get('vigil_session_consecutive_failures{session="default"}')).toBe(0);
    expect(renewed.get('vigil_session_end_timestamp_seconds{session="default"}')).toBeGreaterThanOrEqual(end);

    // Neither data nor a new sign-in can be had: the picture stands, but it is no picture of now.
    await stage.control.fail('autoid', { kind: 'down' });
    stage.control.failData({ kind: 'status', status: 503 });
    await expect
      .poll(() => page.health())
      .toMatchObject({ status: 503, code: 'DATA_STALE', failure: 'NETWORK_REFUSED' });
    const { reason } = (await page.health()) as { reason?: string };
    expect(reason).toMatch(/^Surface main shows data that is \d+ s old \(NETWORK_REFUSED\): .*cannot be reached/);
    const stale = await page.metrics();
    expect(stale.get('vigil_surface_up{surface="main"}')).toBe(0);
    const limit = stale.get('vigil_data_age_limit_seconds{surface="main"}') ?? Infinity;
    expect(stale.get('vigil_data_age_seconds{surface="main"}')).toBeGreaterThanOrEqual(limit);

    stage.control.healData();
    await expect.poll(() => page.health()).toEqual({ status: 200, ok: true, showing: 1 });
    await stage.control.heal('autoid');

    const search = new SecretSearch([
      ...eavesdropper.secrets,
      { name: "the user's secret key", value: USER.secretAccessKey },
      { name: 'the wrong secret key', value: WRONG_SECRET },
      { name: 'the entropy file', value: stage.keys().entropy },
    ]);
    expect(new Set(eavesdropper.secrets.map(({ name }) => name)).size).toBe(6);
    expect(page.told.length).toBeGreaterThan(20_000);
    expect(search.inText(page.told, 'answers')).toEqual([]);
  } finally {
    eavesdropper.stop();
  }
});

test('web pages cannot reach the health page: not the dashboard, nor one that claims another name or origin', async ({
  driveWall,
}) => {
  const wall = await driveWall({ settings: { health: { port: 0 } } });
  const page = await HealthPage.of(wall);
  await wall.isLive();
  const dashboard = await wall.console();
  const { port } = page;
  const address = dashboard.url();
  // Whether a call was sent or not, its page learns no more than that it failed.
  const ends: (string | undefined)[] = [];
  dashboard.on('requestfailed', (call) => {
    if (new URL(call.url()).port === String(port)) ends.push(call.failure()?.errorText);
  });
  for (const host of ['127.0.0.1', 'localhost', 'wall.localhost', '[::1]', '127.1', '0.0.0.0', '[::ffff:127.0.0.1]']) {
    const url = `http://${host}:${String(port)}/state`;
    for (const call of [
      `fetch('${url}')`,
      `fetch('${url}', { mode: 'no-cors' })`,
      `new Promise((sent, refused) => Object.assign(new Image(), { src: '${url}', onload: sent, onerror: refused }))`,
      `new Promise((sent, refused) => Object.assign(new WebSocket('${url.replace('http', 'ws')}'), { onopen: sent, onerror: refused }))`,
    ]) {
      expect.soft(await dashboard.evaluate(`${call}.then(() => 'sent', () => 'refused')`), call).toBe('refused');
    }
  }
  // Each of them by the wall itself, before anything was sent; of WebSockets nothing is told.
  expect(ends).toEqual(Array(7 * 3).fill('net::ERR_BLOCKED_BY_CLIENT'));
  await dashboard.evaluate(`void location.assign('http://127.0.0.1:${String(port)}/state')`);
  await wall.says('view.navigation-refused', { where: ({ host }) => host === `127.0.0.1:${String(port)}` });
  expect(dashboard.url()).toBe(address);

  // What Electron's guard would have let through, the server refuses.
  expect((await page.ask('/state')).status).toBe(200);
  for (const headers of [
    { host: 'rebound.example' },
    { host: `rebound.example:${String(port)}` },
    { origin: 'https://console.aws.amazon.com' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
  ]) {
    const { status, body } = await page.ask('/state', headers);
    expect.soft(status, JSON.stringify(headers)).toBe(403);
    expect.soft(body, JSON.stringify(headers)).not.toContain('sessions');
  }
  expect((await page.ask('/')).status).toBe(404);
});

/** The health page of a wall, as tools of the machine see it. */
class HealthPage {
  readonly port: number;
  /** All that it has said. */
  told = '';

  private constructor(port: number) {
    this.port = port;
  }

  static async of(wall: Wall): Promise<HealthPage> {
    const { host, port } = await wall.says('health.listening');
    expect(host).toBe('127.0.0.1');
    return new HealthPage(Number(port));
  }

  /** A request with whatever headers, which `fetch` would not send. */
  async ask(
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> {
    const answer = await new Promise<{ status: number; headers: IncomingHttpHeaders; body: string }>(
      (resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port: this.port, path, headers }, (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (text: string) => (body += text));
          response.on('error', reject);
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
          });
        });
        sent.on('error', reject);
        sent.end();
      },
    );
    this.told += `${JSON.stringify(answer.headers)}\n${answer.body}\n`;
    return answer;
  }

  async health(): Promise<{ status: number } & Health> {
    const { status, body } = await this.ask('/healthz');
    return { status, ...(JSON.parse(body) as Health) };
  }

  async state(): Promise<WallStatus & { readonly health: Health }> {
    const { status, headers, body } = await this.ask('/state');
    expect([status, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    return JSON.parse(body) as WallStatus & { health: Health };
  }

  /** Each sample's value by its name and labels, held to the text format of Prometheus and its rules for names. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const { status, headers, body } = await this.ask('/metrics');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    const types = new Map<string, string>();
    const samples = new Map<string, number>();
    for (const line of body.split('\n').filter((one) => one.trim() !== '')) {
      const [, name = '', type = ''] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
      if (name !== '') types.set(name, type);
      if (line.startsWith('#')) {
        expect.soft(line).toMatch(/^# (HELP vigil_[a-z_]+ [A-Z].+\.|TYPE vigil_[a-z_]+ (gauge|counter))$/);
        continue;
      }
      const sample = /^((vigil_[a-z_]+)(?:\{(?:[a-z]+="[^"\\\n]*",?)+\})?) (-?[\d.]+(?:e[+-]?\d+)?)$/.exec(line);
      expect.soft(sample, line).not.toBeNull();
      const [, key = '', metric = '', value = ''] = sample ?? [];
      // Counters, and they alone, end in _total; times are in seconds, sizes in bytes.
      expect.soft(types.get(metric), line).toBe(metric.endsWith('_total') ? 'counter' : 'gauge');
      expect.soft(metric, line).not.toMatch(/_(ms|millis|kb|minutes|hours)(_|$)/);
      samples.set(key, Number(value));
    }
    return samples;
  }
}
