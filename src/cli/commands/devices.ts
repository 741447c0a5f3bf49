/** `vigil devices`: who may have what. */
import { renderANSI, renderUnicodeCompact } from 'uqr';
import { webSuite } from '../../autoid/v2/suite.ts';
import { AppError } from '../../core/errors.ts';
import type { AuditEvent } from '../../server/audit/audit.ts';
import type { Device } from '../../server/devices/device.ts';
import { createDevices, type Devices } from '../../server/devices/devices.ts';
import { formatAllowRule } from '../../server/stores/allow.ts';
import { durationOf } from '../duration.ts';
import { openServerHome, type ServerHome } from '../server-home.ts';
import { openServerSeal } from '../server-seal.ts';

type Options = Readonly<Record<string, unknown>>;

async function withDevices<T>(options: Options, work: (devices: Devices, home: ServerHome) => Promise<T>): Promise<T> {
  const home = await openServerHome(options);
  try {
    return await work(createDevices(home), home);
  } finally {
    await home.close();
  }
}

/** Makes a device and prints the code to enrol it with, as text and as a QR code. Rejects with USAGE, STATE_*, AUDIT_UNAVAILABLE. */
export async function devicesInvite(options: Options): Promise<string> {
  const name = options['name'];
  if (typeof name !== 'string') throw new AppError('USAGE', 'Name the device with --name, for example --name lobby-1.');
  const ttlMs = durationOf(options['ttl'], '--ttl');
  return withDevices(options, async (devices, home) => {
    const sealer = await openServerSeal(home);
    const rate = options['rate'];
    const { device, code, endsAt } = await devices.invite(
      {
        name,
        ttlMs,
        allow: listOf(options['allow']),
        networks: listOf(options['network']),
        ...(rate === undefined ? {} : { requestsPerHour: wholeNumber(rate) }),
      },
      { suite: webSuite, sealer },
    );
    await told(home, 'device.invite', device, device.policy.allow.map(formatAllowRule).join(' '));
    if (options['json'] === true) return json({ ...shown(device), code, endsAt: iso(endsAt) });
    return [
      `${device.name} can be enrolled until ${iso(endsAt)} with this code, which is shown only now:`,
      '',
      `    ${code}`,
      '',
      // With colours of its own it is readable on every terminal; elsewhere they would be clutter.
      (process.stdout.isTTY ? renderANSI : renderUnicodeCompact)(code, { ecc: 'M', border: 2 }),
      '',
      'Enter it at the first start of the wall, or in vigil enrol.',
      '',
    ].join('\n');
  });
}

/** Prints every device, one a line. */
export function devicesList(options: Options): Promise<string> {
  return withDevices(options, async (devices) => {
    const all = await devices.list();
    if (options['json'] === true) return json(all.map(shown));
    if (all.length === 0) return 'There are no devices: vigil devices invite makes one.\n';
    const rows = all.map((device) => [
      device.name,
      statusOf(device),
      lastSeen(device),
      device.policy.allow.map(formatAllowRule).join(' '),
    ]);
    const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
    return rows
      .map(
        (row) =>
          `${row
            .map((cell, column) => cell.padEnd(widths[column] ?? 0))
            .join('  ')
            .trimEnd()}\n`,
      )
      .join('');
  });
}

/** Prints one device. */
export function devicesShow(options: Options, name: string): Promise<string> {
  return withDevices(options, async (devices) => describe(await devices.show(name), options));
}

/** Changes one device, notes it in the audit log, and prints it. */
export function devicesChange(
  what: 'lock' | 'revoke' | 'resync' | 'allow',
  options: Options,
  name: string,
): Promise<string> {
  return withDevices(options, async (devices, home) => {
    const [add, remove] = [listOf(options['add']), listOf(options['remove'])];
    if (what === 'allow' && add.length + remove.length === 0) {
      throw new AppError('USAGE', 'Give the rules to add with --add and those to remove with --remove.');
    }
    const device = what === 'allow' ? await devices.allow(name, { add, remove }) : await devices[what](name);
    const rules = [...add.map((rule) => `+${rule}`), ...remove.map((rule) => `-${rule}`)];
    await told(home, `device.${what}`, device, rules.join(' '));
    return describe(device, options);
  });
}

async function told(home: ServerHome, event: string, device: Device, detail: string): Promise<void> {
  const line: AuditEvent = { event, allowed: true, reason: 'operator', caller: `${device.id} ${device.name}` };
  await home.audit.append(detail === '' ? line : { ...line, detail: detail.slice(0, 500) });
}

function lastSeen(device: Device): string {
  const at = device.status === 'active' || device.status === 'locked' ? device.key?.lastSeenAt : undefined;
  return at === undefined ? '' : `seen ${iso(at)}`;
}

/** A device for people and programs: without what is of use to the server alone. */
function shown(device: Device) {
  const { id, name, status, policy, invitedAt } = device;
  const key = 'key' in device ? device.key : undefined;
  return {
    id,
    name,
    status,
    ...(device.status === 'locked' ? { reason: device.reason, lockedAt: iso(device.lockedAt) } : {}),
    ...(device.status === 'invited' ? { inviteEndsAt: iso(device.inviteEndsAt) } : {}),
    ...(device.status === 'revoked' ? { revokedAt: iso(device.revokedAt) } : {}),
    invitedAt: iso(invitedAt),
    allow: policy.allow.map(formatAllowRule),
    networks: policy.networks,
    requestsPerHour: policy.requestsPerHour,
    ...(key === undefined
      ? {}
      : {
          key: {
            algorithm: key.algorithm,
            publicKey: key.publicKey,
            hint: key.fingerprintHint,
            enrolledAt: iso(key.enrolledAt),
            steps: key.counter.n,
            ...(key.lastSeenAt === undefined ? {} : { lastSeenAt: iso(key.lastSeenAt) }),
            ...(key.lastAddress === undefined ? {} : { lastAddress: key.lastAddress }),
            ...(key.resyncUntil === undefined ? {} : { resyncUntil: iso(key.resyncUntil) }),
          },
        }),
  };
}

function statusOf(device: Device): string {
  return device.status === 'locked' ? `locked (${device.reason})` : device.status;
}

function describe(device: Device, options: Options): string {
  const plain = shown(device);
  if (options['json'] === true) return json(plain);
  const { key, ...rest } = plain;
  const lines = Object.entries({ ...rest, ...key }).map(([name, value]) => {
    const text = Array.isArray(value) ? (value.length === 0 ? 'any' : value.join(' ')) : String(value);
    return `${name.padEnd(16)}${text}\n`;
  });
  return lines.join('');
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function wholeNumber(value: unknown): number {
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : Number.NaN;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
