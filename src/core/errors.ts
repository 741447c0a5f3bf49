/**
 * Every way Vigil can fail, as one union of stable codes. The first word of a code says whose failure it is, and that
 * decides the exit code of the command.
 */
export const ERROR_CODES = {
  USAGE: 2,
  SETTINGS_UNREADABLE: 2,
  SETTINGS_INVALID: 2,
  SETTINGS_MISSING: 2,

  KEYS_NOT_FOUND: 3,
  KEYS_UNREADABLE: 3,
  KEYS_INVALID: 3,
  KEYS_INTEGRITY: 3,
  KEYS_REFUSED: 3,
  KEYS_UNAVAILABLE: 3,
  PUBLISH_REFUSED: 3,
  PUBLISH_FAILED: 3,

  SERVER_REFUSED: 4,
  SERVER_UNAVAILABLE: 4,
  SERVER_ANSWER_UNREADABLE: 4,
  CREDENTIALS_UNREADABLE: 4,

  STS_ACCESS_DENIED: 5,
  STS_CREDENTIALS_INVALID: 5,
  STS_CREDENTIALS_EXPIRED: 5,
  STS_CLOCK_SKEW: 5,
  STS_DURATION_TOO_LONG: 5,
  STS_REQUEST_INVALID: 5,
  STS_POLICY_INVALID: 5,
  STS_REGION_DISABLED: 5,
  STS_THROTTLED: 5,
  STS_UNAVAILABLE: 5,
  STS_ANSWER_UNREADABLE: 5,
  FEDERATION_REFUSED: 5,
  FEDERATION_UNAVAILABLE: 5,
  FEDERATION_ANSWER_UNREADABLE: 5,
  ALARMS_REFUSED: 5,
  ALARMS_UNAVAILABLE: 5,
  DASHBOARDS_REFUSED: 5,
  DASHBOARDS_UNAVAILABLE: 5,

  NETWORK_OFFLINE: 6,
  NETWORK_DNS: 6,
  NETWORK_REFUSED: 6,
  NETWORK_TIMEOUT: 6,
  NETWORK_TLS: 6,
  NETWORK_PROXY: 6,
  NETWORK_INTERRUPTED: 6,
  ANSWER_TOO_LARGE: 6,

  CONSOLE_LOAD_FAILED: 1,
  CONSOLE_NOT_PAINTED: 1,
  CONSOLE_DATA_FAILED: 1,
  CONSOLE_BLANK: 1,
  CONSOLE_SIGNED_OUT: 1,
  CONSOLE_ACCESS_DENIED: 1,
  CONSOLE_DASHBOARD_MISSING: 1,
  RENDERER_GONE: 1,
  SUPERVISE_RUNNING: 1,
  SUPERVISE_NOTHING_TO_RUN: 2,
  SUPERVISE_FOLDER_UNUSABLE: 2,
  SUPERVISE_KEY_INVALID: 2,
  SUPERVISE_MANIFEST_INVALID: 1,
  SUPERVISE_SIGNATURE_WRONG: 1,
  SUPERVISE_FILES_INCOMPLETE: 1,
  SUPERVISE_FILES_CHANGED: 1,
  SUPERVISE_PLATFORM_WRONG: 1,
  SUPERVISE_DOWNGRADE: 1,
  SUPERVISE_VERSION_TAKEN: 1,
  SUPERVISE_TRIAL_FAILED: 1,
  STORE_NOT_FOUND: 4,
  STORE_REFUSED: 4,
  STORE_UNAVAILABLE: 4,
  STORE_ANSWER_UNREADABLE: 4,
  STATE_UNAVAILABLE: 1,
  STATE_CORRUPT: 1,
  AUDIT_UNAVAILABLE: 1,
  DEVICE_NOT_ENROLLED: 4,
  DEVICE_UNREADABLE: 4,
  DEVICE_CLOCK_WRONG: 4,
  DEVICE_LOCKED: 4,
  DEVICE_REFUSED: 4,
  DEVICE_STEP_UNWRITABLE: 4,
  ENROL_CODE_INVALID: 4,
  ENROL_REFUSED: 4,
  INTERNAL: 1,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A failure as data: what crosses IPC, goes into state, logs and notices. */
export interface Failure {
  readonly code: ErrorCode;
  /** One sentence a person can act on; never holds a secret. */
  readonly sentence: string;
  /** A server's own wish for when to be asked again, in ms from now. */
  readonly retryAfterMs?: number;
}

/** A failure on its way up. `message` is the sentence; `cause` keeps what lies beneath. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, sentence: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(sentence, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The same failure as plain data. */
  toFailure(): Failure {
    return this.retryAfterMs === undefined
      ? { code: this.code, sentence: this.message }
      : { code: this.code, sentence: this.message, retryAfterMs: this.retryAfterMs };
  }
}

/** Anything thrown, as an `AppError`: itself if it is one, INTERNAL with its message otherwise. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const what = thrown instanceof Error ? thrown.message : String(thrown);
  return new AppError('INTERNAL', `Something failed inside Vigil: ${what}. Please report it with the log.`, {
    cause: thrown,
  });
}

/** The exit code of the `vigil` command for a failure. */
export function exitCodeOf(code: ErrorCode): number {
  return ERROR_CODES[code];
}
