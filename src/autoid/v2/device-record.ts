import { AppError } from '../../core/errors.ts';
import { fromUtf8, parseJsonObject, toBase64Url, toUtf8 } from '../encoding.ts';
import type { Bytes } from './bytes.ts';
import { bytesOf, isCount } from './certificate.ts';
import type { DeviceStep } from './counter.ts';
import type { Enrolment } from './enrol.ts';
import { isServerId } from './generation.ts';
import type { Floor } from './keyset.ts';
import { isDeviceId } from './layout.ts';
import type { StoredKeyPair } from './signatures.ts';

/** Longest device document read, in bytes. */
export const LONGEST_RECORD = 16_384;

/** What an enrolled device keeps. */
export interface EnrolledRecord extends Pick<Enrolment, 'deviceId' | 'serverId' | 'root'> {
  /** What it accepts no key set below. */
  readonly floor: Floor;
  readonly key: StoredKeyPair;
  readonly step: DeviceStep;
}

/** What was written before an enrolment was asked for, so that it can be asked for again. */
export interface PendingEnrolment {
  readonly inviteId: string;
  readonly key: StoredKeyPair;
  readonly x0: Bytes;
}

/** The document of a device. An enrolled one may be about to be enrolled anew. */
export interface DeviceRecord {
  readonly enrolled?: EnrolledRecord;
  readonly pending?: PendingEnrolment;
}

/** The record as it is kept: JSON. */
export function encodeRecord({ enrolled, pending }: DeviceRecord): Bytes {
  const json = {
    vigil: 'device',
    version: 1,
    ...(enrolled && {
      enrolled: {
        deviceId: enrolled.deviceId,
        serverId: enrolled.serverId,
        root: toBase64Url(enrolled.root),
        floor: enrolled.floor,
        key: keyToJson(enrolled.key),
        step: { ...enrolled.step, p: toBase64Url(enrolled.step.p), x: toBase64Url(enrolled.step.x) },
      },
    }),
    ...(pending && {
      pending: { inviteId: pending.inviteId, key: keyToJson(pending.key), x0: toBase64Url(pending.x0) },
    }),
  };
  return toUtf8(`${JSON.stringify(json, undefined, 2)}\n`);
}

/** The record in a document; `where` names it. Throws DEVICE_UNREADABLE for what is none. */
export function decodeRecord(document: Uint8Array, where: string): DeviceRecord {
  const json = parseJsonObject(fromUtf8(document) ?? '');
  if (json?.['vigil'] !== 'device' || json['version'] !== 1) throw unreadable(where);
  const [enrolled, pending] = [json['enrolled'], json['pending']];
  return {
    ...(enrolled === undefined ? {} : { enrolled: enrolledFrom(objectOf(enrolled, where), where) }),
    ...(pending === undefined ? {} : { pending: pendingFrom(objectOf(pending, where), where) }),
  };
}

type Json = Readonly<Record<string, unknown>>;

function enrolledFrom(json: Json, where: string): EnrolledRecord {
  const { deviceId, serverId } = json;
  const [root, floor, step] = [bytesOf(json['root']), objectOf(json['floor'], where), objectOf(json['step'], where)];
  const [p, x] = [bytesOf(step['p']), bytesOf(step['x'])];
  const { serial, generation } = floor;
  const { n, answered } = step;
  if (!isDeviceId(deviceId) || !isServerId(serverId) || root?.length !== 32) throw unreadable(where);
  if (!isCount(serial) || !isCount(generation) || p?.length !== 16 || x?.length !== 16) throw unreadable(where);
  if ((n !== 0 && !isCount(n)) || typeof answered !== 'boolean') throw unreadable(where);
  const key = keyFrom(json['key'], where);
  return { deviceId, serverId, root, floor: { serial, generation }, key, step: { n, p, x, answered } };
}

function pendingFrom(json: Json, where: string): PendingEnrolment {
  const { inviteId } = json;
  const x0 = bytesOf(json['x0']);
  if (!isDeviceId(inviteId) || x0?.length !== 16) throw unreadable(where);
  return { inviteId, key: keyFrom(json['key'], where), x0 };
}

function keyToJson(key: StoredKeyPair): Json {
  const { algorithm, publicKey, privateKey } = key;
  return { algorithm, publicKey: toBase64Url(publicKey), privateKey: toBase64Url(privateKey) };
}

function keyFrom(value: unknown, where: string): StoredKeyPair {
  const json = objectOf(value, where);
  const { algorithm } = json;
  const [publicKey, privateKey] = [bytesOf(json['publicKey']), bytesOf(json['privateKey'])];
  if (algorithm !== 'ed25519' && algorithm !== 'p256') throw unreadable(where);
  if (publicKey === undefined || privateKey === undefined) throw unreadable(where);
  return { algorithm, publicKey, privateKey };
}

function objectOf(value: unknown, where: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw unreadable(where);
}

function unreadable(where: string): AppError {
  return new AppError(
    'DEVICE_UNREADABLE',
    `The device file ${where} is none, or was damaged: restore nothing from a backup, but enrol this machine anew.`,
  );
}
