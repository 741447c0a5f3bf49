/**
 * What the pure layers ask of the outside world. Every effect comes in through one of these, so that
 * decisions can be tested with a virtual clock and recorded answers.
 */

/** Time. `now` is wall-clock ms since the epoch; `monotonic` is ms that never step back or jump with the clock. */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Resolves after `ms` milliseconds of monotonic time. */
  sleep(ms: number): Promise<void>;
}

/** Randomness. `bytes` must come from a cryptographic source; `fraction` is uniform in [0, 1) and good for jitter only. */
export interface Random {
  bytes(length: number): Uint8Array;
  fraction(): number;
}

/** One outbound HTTP call. Every limit is mandatory: no call of ours may wait or grow without end. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Whole call, connection to last byte of the body, in ms. */
  readonly timeoutMs: number;
  /** Longest body accepted, in bytes, after content decoding. */
  readonly maxBytes: number;
}

/** Header names are lower case. Redirects are never followed: a 3xx is an answer like any other. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/**
 * Resolves with any complete HTTP answer, whatever its status. Rejects with an `AppError`: NETWORK_OFFLINE, NETWORK_DNS,
 * NETWORK_REFUSED, NETWORK_TIMEOUT, NETWORK_TLS, NETWORK_PROXY, NETWORK_INTERRUPTED or ANSWER_TOO_LARGE.
 */
export type Fetch = (request: HttpRequest) => Promise<HttpResponse>;

/** Why a store does not read what it found; the message ends a sentence that begins with the path ("is a folder"). */
export class FileRefused extends Error {
  override readonly name = 'FileRefused';
}

/** Files as whole byte strings. */
export interface FileStore {
  /**
   * The file's bytes, or undefined when there is none. Rejects with a `FileRefused`, without waiting, for what is no
   * regular file (a folder, a pipe, a device) or longer than `maxBytes`, and with the system's error on every other
   * failure (permissions, I/O).
   */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Modification stamp and size of a file, cheap to ask for, or undefined when there is none. */
  stamp(path: string): Promise<string | undefined>;
}

/**
 * Where a device keeps who it is and the step it is at: one small document, and a secret. Several programs of one account
 * may use it, one at a time.
 */
export interface DeviceStore {
  /** For sentences: the path. */
  readonly name: string;
  /** The document as last written, or undefined when there is none. Rejects with DEVICE_UNREADABLE. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves once the document is durable, whole; rejects with DEVICE_STEP_UNWRITABLE, and then either may lie there. */
  write(document: Uint8Array): Promise<void>;
  /**
   * Keeps every other program from the document until the release is called or this program has ended; `undefined` where
   * nothing at all can be written, and the document can only be read. Rejects with DEVICE_STEP_UNWRITABLE when another
   * program keeps it for too long.
   */
  lock(): Promise<(() => Promise<void>) | undefined>;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured log. `event` is a stable dotted name (`session.live`); fields hold no secret, and sinks redact all the same. */
export interface Logger {
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
}
