import { AppError, toAppError } from '../../core/errors.ts';
import type { DeviceStore, Logger, Random } from '../../core/ports.ts';
import { randomBytes } from '../random.ts';
import type { Bytes } from './bytes.ts';
import { stepToSend } from './counter.ts';
import type { DeviceStep } from './counter.ts';
import { decodeRecord, encodeRecord } from './device-record.ts';
import type { DeviceRecord, EnrolledRecord } from './device-record.ts';

/** A step that a request was begun on. */
export interface BegunStep {
  readonly record: EnrolledRecord;
  readonly step: DeviceStep;
  /** Whether no other program can have gone on meanwhile. */
  readonly isOwn: boolean;
  /** Must be called once, however the request ended: whether a sealed reply said that the server took the step. */
  end(accepted: boolean): Promise<void>;
}

/**
 * A device's document as the one writer of this program sees it. It is read afresh whenever this program begins to use it,
 * and kept from other programs until nothing is in flight any more: so the steps of all programs are one chain.
 */
export interface DeviceBook {
  /** The record as it lies there, without a claim on it. Rejects with DEVICE_UNREADABLE. */
  look(): Promise<DeviceRecord>;
  /**
   * Begins a request: on a new step when the last was answered and nothing is in flight, and that step is durable when
   * this resolves; on the old one otherwise, also when the new one cannot be written. Rejects with DEVICE_NOT_ENROLLED,
   * DEVICE_UNREADABLE, or DEVICE_STEP_UNWRITABLE when another program keeps the document.
   */
  begin(): Promise<BegunStep>;
  /** Changes the record durably. Rejects as the store does, and with what `change` throws. */
  change(change: (record: DeviceRecord) => DeviceRecord | Promise<DeviceRecord>): Promise<DeviceRecord>;
}

/** The document while this program uses it; without a release it can only be read. */
interface Held {
  record: DeviceRecord;
  readonly release: (() => Promise<void>) | undefined;
}

/** The book over a store. Make one for a store in a program. */
export function createDeviceBook(store: DeviceStore, random: Random, logger: Logger): DeviceBook {
  let users = 0;
  let inFlight = 0;
  let held: Held | undefined;
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  }

  async function look(): Promise<DeviceRecord> {
    const document = await store.read();
    return document === undefined ? {} : decodeRecord(document, store.name);
  }

  async function hold(): Promise<Held> {
    if (held === undefined) {
      const release = await store.lock();
      try {
        held = { record: await look(), release };
      } catch (error) {
        await release?.();
        throw error;
      }
    }
    users += 1;
    return held;
  }

  async function letGo(): Promise<void> {
    users -= 1;
    if (users > 0 || held === undefined) return;
    const { release } = held;
    held = undefined;
    await release?.();
  }

  async function write(own: Held, record: DeviceRecord): Promise<void> {
    if (own.release === undefined) throw unwritable(store.name);
    await store.write(encodeRecord(record));
    own.record = record;
  }

  async function tryToWrite(own: Held, enrolled: EnrolledRecord): Promise<boolean> {
    try {
      await write(own, { ...own.record, enrolled });
      return true;
    } catch (thrown) {
      const { code, message } = toAppError(thrown);
      logger.log('error', 'device.step-unwritable', { code, sentence: message });
      return false;
    }
  }

  async function begin(): Promise<BegunStep> {
    const own = await hold();
    const { enrolled } = own.record;
    if (enrolled === undefined) {
      await letGo();
      throw notEnrolled(store.name);
    }
    const fresh = (): Bytes => randomBytes(random, 16);
    const next = stepToSend(enrolled.step, inFlight, fresh);
    const record = { ...enrolled, step: next };
    const isNew = next !== enrolled.step;
    const begun = isNew && !(await tryToWrite(own, record)) ? enrolled : record;
    inFlight += 1;
    return {
      record: begun,
      step: begun.step,
      isOwn: own.release !== undefined,
      end: (accepted) => inTurn(() => ended(own, begun.step.n, accepted)),
    };
  }

  async function ended(own: Held, n: number, accepted: boolean): Promise<void> {
    inFlight -= 1;
    const { enrolled } = own.record;
    if (accepted && enrolled?.step.n === n && !enrolled.step.answered) {
      const answered = { ...enrolled, step: { ...enrolled.step, answered: true } };
      // Kept in memory even where it cannot be written: a program that starts from the disk repeats the step, no more.
      if (!(await tryToWrite(own, answered))) own.record = { ...own.record, enrolled: answered };
    }
    await letGo();
  }

  return {
    look,
    begin: () => inTurn(begin),
    change: (change) =>
      inTurn(async () => {
        const own = await hold();
        try {
          const record = await change(own.record);
          if (record !== own.record) await write(own, record);
          return record;
        } finally {
          await letGo();
        }
      }),
  };
}

function unwritable(where: string): AppError {
  return new AppError('DEVICE_STEP_UNWRITABLE', `The device file ${where} cannot be written: nothing can be, there.`);
}

/** DEVICE_NOT_ENROLLED, by the name of the device file. */
export function notEnrolled(where: string): AppError {
  const sentence = `This machine is not enrolled at the auto-id server (there is no device in ${where}).`;
  return new AppError('DEVICE_NOT_ENROLLED', sentence);
}
