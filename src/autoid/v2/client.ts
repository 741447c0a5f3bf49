import { AppError, toAppError } from '../../core/errors.ts';
import type { Clock, DeviceStore, Fetch, Logger, Random } from '../../core/ports.ts';
import { randomBytes } from '../random.ts';
import { AskedTooOften } from '../v1/request.ts';
import type { Bytes } from './bytes.ts';
import { divergenceProof } from './counter.ts';
import type { DeviceStep } from './counter.ts';
import { createDeviceBook, notEnrolled } from './device-book.ts';
import type { DeviceBook } from './device-book.ts';
import { createDeviceClock } from './device-clock.ts';
import type { DeviceClock } from './device-clock.ts';
import type { EnrolledRecord } from './device-record.ts';
import { postMessage, unopenedAnswer } from './http.ts';
import { acceptKeySet } from './keyset.ts';
import type { AcceptedKeys, Floor, KeySetFiles } from './keyset.ts';
import { LONGEST_REPLY } from './reply.ts';
import type { Reply, ReplyCode } from './reply.ts';
import { sealRequest } from './request.ts';
import type { PreparedKeys } from './request.ts';
import { softwareSigner } from './signatures.ts';
import type { Signer } from './signatures.ts';
import { webSuite } from './suite.ts';
import type { Suite } from './suite.ts';

export interface DeviceClientOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The device's document; make one client for a document in a program. */
  readonly store: DeviceStore;
  /** The server's address; see `pathUrlOf`. */
  readonly endpoint: string;
  /** For each call, in ms. */
  readonly timeoutMs: number;
  readonly suite?: Suite;
  /** A hardware key in place of the one in the document. */
  readonly signer?: Signer;
}

/** What a request brought. */
export interface Granted {
  /** JSON, as the server's store gave it. A secret. */
  readonly payload: Bytes;
  /** The generation that is current at the server. */
  readonly currentGeneration: number;
}

/** An enrolled device as its server's client. */
export interface DeviceClient {
  /** Who this device is. Rejects with DEVICE_NOT_ENROLLED or DEVICE_UNREADABLE. */
  identity(): Promise<{ readonly record: EnrolledRecord; readonly signer: Signer }>;
  /**
   * What the server has for this device under a source (`store,id[,version[,stage]]`) and a destination ('' for none).
   * One request, and one more where the first was refused for a clock that is wrong, or came twice.
   *
   * Rejects with DEVICE_* (the server's sealed word), SERVER_UNAVAILABLE (with `retryAfterMs` where wished), SERVER_REFUSED
   * when the answer does not open (which other keys may help against), SERVER_ANSWER_UNREADABLE, SETTINGS_INVALID,
   * or what the Fetch port rejects with. There is no way from here to protocol 1.
   */
  request(keys: PreparedKeys, source: string, destination: string): Promise<Granted>;
  /**
   * Accepts a key set for this device, and raises the device's floor to it: durably, or in memory where nothing can be
   * written. Rejects as `acceptKeySet` does, or with DEVICE_NOT_ENROLLED or DEVICE_UNREADABLE.
   */
  accept(files: KeySetFiles): Promise<AcceptedKeys>;
  readonly clock: DeviceClock;
  readonly book: DeviceBook;
  readonly suite: Suite;
  readonly options: DeviceClientOptions;
}

/** How often one request is made again because of what a sealed reply said. */
const MOST_REPAIRS = 1;

/** The client of one device. */
export function createDeviceClient(options: DeviceClientOptions): DeviceClient {
  const { random, logger, suite = webSuite } = options;
  const book = createDeviceBook(options.store, random, logger);
  const clock = createDeviceClock(options.clock, logger);
  const floors = new Map<string, Floor>();
  let known: { readonly publicKey: string; readonly signer: Promise<Signer> } | undefined;

  function signerOf({ key }: EnrolledRecord): Promise<Signer> {
    if (options.signer !== undefined) return Promise.resolve(options.signer);
    const publicKey = String(key.publicKey);
    if (known?.publicKey !== publicKey) known = { publicKey, signer: softwareSigner(key) };
    return known.signer;
  }

  /** One exchange on this step. */
  async function exchange(
    keys: PreparedKeys,
    record: EnrolledRecord,
    step: DeviceStep,
    asked: { readonly source: string; readonly destination: string },
  ): Promise<{ readonly reply: Reply; readonly isTimely: boolean }> {
    const signer = await signerOf(record);
    const content = { ...asked, deviceId: record.deviceId, signer, timestamp: clock.now(), step };
    const sealed = await sealRequest(suite, keys, content, random);
    const sentAt = options.clock.monotonic();
    const answer = await postMessage(options, '/v2/credentials', sealed.body, LONGEST_REPLY);
    const reply = await sealed.openReply(answer);
    if (reply === undefined) {
      const why = 'the keys are not those that it has now, or the endpoint is not its address';
      throw unopenedAnswer(answer, why);
    }
    return { reply, isTimely: clock.hear(reply.now, sentAt) };
  }

  /** The same on the device's own step, which is kept by what the reply says. */
  async function onOwnStep(keys: PreparedKeys, asked: { readonly source: string; readonly destination: string }) {
    const begun = await book.begin();
    const { record, step } = begun;
    let accepted = false;
    try {
      if (record.serverId !== keys.serverId) throw otherServer();
      const { reply, isTimely } = await exchange(keys, record, step, asked);
      accepted = reply.stepAccepted;
      // Another program may have gone on where nothing keeps it from the document: then this is no copy.
      if (reply.code === 'late' && !begun.isOwn) throw overtaken(options.store.name);
      if (reply.code === 'late') await proveDivergence(keys, record, step, reply.serverStep, asked);
      return { reply, isTimely };
    } finally {
      await begun.end(accepted);
    }
  }

  /** Shows the server that it met another copy of this device. Whatever comes of it, this device is at its end. */
  async function proveDivergence(
    keys: PreparedKeys,
    record: EnrolledRecord,
    step: DeviceStep,
    serverStep: number,
    asked: { readonly source: string; readonly destination: string },
  ): Promise<void> {
    logger.log('error', 'device.diverged', { step: step.n, serverStep });
    const proof = divergenceProof(step, serverStep, () => randomBytes(random, 16));
    await exchange(keys, record, proof, asked).catch((error: unknown) => {
      logger.log('warn', 'device.divergence-not-told', { error: String(error) });
    });
  }

  /** Without a disk the floor holds as long as this program does: a wall is not to go dark for it. */
  async function keepFloor(deviceId: string, floor: Floor): Promise<void> {
    try {
      await book.change((record) => {
        const { enrolled } = record;
        if (enrolled?.deviceId !== deviceId) return record;
        return { ...record, enrolled: { ...enrolled, floor: highest(enrolled.floor, floor) } };
      });
    } catch (thrown) {
      const { code, message } = toAppError(thrown);
      logger.log('error', 'device.step-unwritable', { code, sentence: message });
    }
  }

  return {
    book,
    clock,
    suite,
    options,
    async identity() {
      const { enrolled } = await book.look();
      if (enrolled === undefined) throw notEnrolled(options.store.name);
      return { record: enrolled, signer: await signerOf(enrolled) };
    },
    async request(keys, source, destination) {
      for (let repairs = 0; ; repairs++) {
        const { reply, isTimely } = await onOwnStep(keys, { source, destination });
        const { code, payload, currentGeneration } = reply;
        if (code === 'ok') return { payload, currentGeneration };
        const mayRepair = code === 'replayed' || (code === 'clock' && isTimely);
        if (!mayRepair || repairs >= MOST_REPAIRS) throw failureOf(reply, clock.aheadMs());
      }
    },
    async accept(files) {
      const { enrolled } = await book.look();
      if (enrolled === undefined) throw notEnrolled(options.store.name);
      const { root, serverId, deviceId } = enrolled;
      const floor = highest(enrolled.floor, floors.get(deviceId));
      const accepted = await acceptKeySet(files, { root, serverId, floor }, clock.now());
      const raised = highest(floor, accepted.floor);
      floors.set(deviceId, raised);
      if (isBelow(enrolled.floor, raised)) await keepFloor(deviceId, raised);
      return accepted;
    },
  };
}

function overtaken(where: string): AppError {
  const sentence = `The device file ${where} is behind, and cannot be written: make room, and let this account write there.`;
  return new AppError('DEVICE_STEP_UNWRITABLE', sentence);
}

function highest(one: Floor, other: Floor = one): Floor {
  const serial = Math.max(one.serial, other.serial);
  return { serial, generation: Math.max(one.generation, other.generation) };
}

function isBelow(one: Floor, other: Floor): boolean {
  return one.serial < other.serial || one.generation < other.generation;
}

function otherServer(): AppError {
  return new AppError(
    'KEYS_INTEGRITY',
    'The key set in memory is of another server than the one that this machine is enrolled at: restart Vigil.',
  );
}

/** The sealed word of the server as a failure. */
function failureOf(reply: Reply, aheadMs: number | undefined): AppError {
  const { code, retryAfterSeconds } = reply;
  const wish = retryAfterSeconds * 1000;
  switch (code) {
    case 'rate':
      return new AskedTooOften(wish === 0 ? 60_000 : wish);
    case 'retry':
    case 'replayed':
      return new AppError(
        'SERVER_UNAVAILABLE',
        'The auto-id server knows this device, but cannot get what it asked for at the moment; its audit log says why.',
        wish === 0 ? {} : { retryAfterMs: wish },
      );
    case 'clock':
      return new AppError('DEVICE_CLOCK_WRONG', `${clockSentence(aheadMs)}: set it right.`);
    case 'locked':
    case 'late':
      return new AppError(
        'DEVICE_LOCKED',
        code === 'locked'
          ? 'The auto-id server has locked this device, or revoked it.'
          : 'Another copy of this device has been at the auto-id server, or its device file was restored from an old one: it is locked now.',
      );
    default:
      return new AppError('DEVICE_REFUSED', REFUSALS[code]);
  }
}

const REFUSALS: Readonly<
  Record<Exclude<ReplyCode, 'rate' | 'retry' | 'replayed' | 'clock' | 'locked' | 'late'>, string>
> = {
  ok: 'The auto-id server said yes, but gave nothing.',
  refused: 'The auto-id server does not know this device or its key: enrol it anew.',
  ahead: 'The auto-id server has forgotten steps of this device, as after a restore: vigil devices resync helps there.',
  policy: 'The auto-id server does not let this device have this source and destination, or not from this network.',
};

function clockSentence(aheadMs: number | undefined): string {
  if (aheadMs === undefined)
    return "This machine's clock is wrong, and the server's answer took too long to correct it by";
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  return `This machine's clock is ${seconds} seconds ${aheadMs > 0 ? 'ahead' : 'behind'}`;
}
