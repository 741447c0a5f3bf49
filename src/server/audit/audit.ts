/** One line of the audit log: who wanted what from where, and what came of it. Never a secret. */
export interface AuditEvent {
  /** `credentials`, `enrol`, `verify-v1`, `keyset`, `device.lock`, `keys.rotate`, `secret.rotate`, … */
  readonly event: string;
  readonly allowed: boolean;
  /** A stable word: `ok`, or why not, such as `weak-proof`, `clock`, `fork`, `unknown-device`, `network`, `throttled`. */
  readonly reason: string;
  readonly caller?: string;
  readonly address?: string;
  readonly source?: string;
  readonly destination?: string;
  readonly generation?: number;
  /** More that helps whoever investigates; short, and no secret. */
  readonly detail?: string;
}

/** The audit log, hash-chained. */
export interface Audit {
  /** Resolves when the line is durable; rejects with AUDIT_UNAVAILABLE, and then nothing may be handed out. */
  append(event: AuditEvent): Promise<void>;
}
