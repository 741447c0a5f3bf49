/** The control over HTTP, for programs outside this process: loopback only, and every call carries the token. */
import { timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { dataFault, dataScope, pageFault, pageTrick, sessionScope } from './misbehaviour.ts';
import { alarmInput, dashboardInput } from './world-file.ts';
import { ALARM_STATES } from './types.ts';
import type { AlarmState, Control, Fault, OnSessionEnd, RoleOptions, ServiceName } from './types.ts';

type Call = (control: Control, input: Record<string, unknown>) => unknown;

const text = (value: unknown): string => {
  if (typeof value !== 'string') throw new TypeError('a string is missing');
  return value;
};

const optionalCount = (value: unknown): number | undefined => z.number().int().min(1).optional().parse(value);
const alarmPlace = z.strictObject({
  account: z.string().exactOptional(),
  region: z.string().exactOptional(),
  reason: z.string().exactOptional(),
});
const optionalText = (value: unknown): string | undefined => (value === undefined ? undefined : text(value));

function asAlarmState(value: unknown): AlarmState {
  const state = ALARM_STATES.find((one) => one === value);
  if (state === undefined) throw new TypeError(`an alarm's state is one of ${ALARM_STATES.join(', ')}`);
  return state;
}

const FAULTS: readonly string[] = [
  'down',
  'reset',
  'status',
  'not-json',
  'cut-off',
  'huge',
  'slow',
  'hang',
] satisfies Fault['kind'][];

function asFault(value: unknown): Fault {
  const { kind, status, ms } = Object(value) as Record<string, unknown>;
  const known = FAULTS.includes(text(kind));
  if (!known || (kind === 'status' && typeof status !== 'number') || (kind === 'slow' && typeof ms !== 'number')) {
    throw new TypeError(`a fault has a kind (${FAULTS.join(', ')}), status a number, slow a number of ms`);
  }
  return value as Fault;
}

/** `POST /NAME` with a JSON object; the answer is JSON. Key material never leaves by this way: keys are written to a folder. */
const CALLS: Readonly<Record<string, Call>> = {
  endSessionsNow: (control, { scope = {} }) => ({ ended: control.endSessionsNow(sessionScope.parse(scope)) }),
  setSessionSeconds: (control, { seconds }) =>
    control.setSessionSeconds(typeof seconds === 'number' ? seconds : undefined),
  setOnSessionEnd: (control, { mode }) => control.setOnSessionEnd(text(mode) as OnSessionEnd),
  rotateKeys: async (control, { publish }) => {
    await control.rotateKeys();
    if (publish === true) await control.publishKeys();
  },
  publishKeys: (control, { dir }) => control.publishKeys(dir === undefined ? undefined : text(dir)),
  fail: (control, { service, fault, times }) =>
    control.fail(text(service) as ServiceName, asFault(fault), typeof times === 'number' ? times : undefined),
  heal: (control, { service }) => control.heal(service === undefined ? undefined : (text(service) as ServiceName)),
  failData: (control, { fault, scope = {}, times }) =>
    control.failData(dataFault.parse(fault), dataScope.parse(scope), optionalCount(times)),
  healData: (control, { scope = {} }) => control.healData(dataScope.parse(scope)),
  failPages: (control, { fault, scope = {}, times }) =>
    control.failPages(pageFault.parse(fault), sessionScope.parse(scope), optionalCount(times)),
  tellPages: (control, { trick, scope = {}, times }) =>
    control.tellPages(pageTrick.parse(trick), dataScope.parse(scope), optionalCount(times)),
  healPages: (control, { scope = {} }) => control.healPages(dataScope.parse(scope)),
  setSecret: (control, { name, value }) => ({ versionId: control.setSecret(text(name), text(value)) }),
  setNewKeyDelay: (control, { ms }) => control.setNewKeyDelay(Number(ms)),
  setRole: (control, { arn, role }) => control.setRole(text(arn), role as RoleOptions | undefined),
  denyRole: (control, { arn }) => control.denyRole(text(arn)),
  allowRole: (control, { arn }) => control.allowRole(text(arn)),
  setDashboards: (control, { dashboards, account }) =>
    control.setDashboards(z.array(dashboardInput).parse(dashboards), optionalText(account)),
  dashboards: (control) => control.dashboards(),
  setAlarms: (control, { alarms, account }) =>
    control.setAlarms(z.array(alarmInput).parse(alarms), optionalText(account)),
  setAlarmState: (control, { name, state, where = {} }) =>
    control.setAlarmState(text(name), asAlarmState(state), alarmPlace.parse(where)),
  putObject: (control, { bucket, key, base64 }) => ({
    etag: control.putObject(text(bucket), text(key), Buffer.from(text(base64), 'base64')),
  }),
  addLatency: (control, { ms }) => control.addLatency(Number(ms)),
  liveSessions: (control, { scope = {} }) => ({ live: control.liveSessions(sessionScope.parse(scope)) }),
  sessions: (control) => control.sessions(),
  pageLoads: (control, { scope = {} }) => control.pageLoads(dataScope.parse(scope)),
  dataCalls: (control, { scope = {} }) => control.dataCalls(dataScope.parse(scope)),
  requests: (control) => control.requests(),
  clearRequests: (control) => control.clearRequests(),
};

async function readJson(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > 16 << 20) throw new RangeError('the body is too long');
    chunks.push(chunk);
  }
  return length === 0 ? {} : (Object(JSON.parse(Buffer.concat(chunks).toString('utf8'))) as Record<string, unknown>);
}

function isAuthorised(header: string | undefined, token: string): boolean {
  const [given, wanted] = [Buffer.from(header ?? ''), Buffer.from(`Bearer ${token}`)];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

export async function startControlApi(
  control: Control,
  token: string,
  port: number,
): Promise<{ url: string; stop(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const answer = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value ?? {}));
    };
    const name = (request.url ?? '').slice(1);
    const call = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
    if (!isAuthorised(request.headers.authorization, token)) answer(401, { message: 'The token is missing or wrong.' });
    else if (request.method !== 'POST' || call === undefined)
      answer(404, { message: `POST one of ${Object.keys(CALLS).join(', ')}.` });
    else {
      readJson(request)
        .then((input) => call(control, input))
        .then((result) => answer(200, result))
        .catch((error: unknown) =>
          answer(400, { message: error instanceof z.ZodError ? z.prettifyError(error) : String(error) }),
        );
    }
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    url,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
