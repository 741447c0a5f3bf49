import type { SealedReply } from '../../autoid/v2/reply.ts';
import type { Suite } from '../../autoid/v2/suite.ts';
import type { Clock, Random } from '../../core/ports.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { Admit } from '../limits/gate.ts';
import type { Turns } from '../limits/turns.ts';
import type { LiveKeys } from '../live-keys.ts';
import type { Sealer } from '../seal/sealer.ts';
import type { Quarantine } from '../state/quarantine.ts';
import type { StateStore } from '../state/state-store.ts';
import type { CredentialStore } from '../stores/credential-store.ts';

/** What the endpoints of protocol 2 work with. */
export interface EndpointV2 {
  readonly suite: Suite;
  readonly state: StateStore;
  readonly keys: LiveKeys;
  readonly stores: ReadonlyMap<string, CredentialStore>;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly random: Random;
  /** Opens the secrets of invites. */
  readonly sealer: Sealer;
  readonly quarantine: Quarantine;
  readonly admit: Admit;
  readonly turns: Turns;
  /** Something that somebody should look at: a clone, a code that was used twice. */
  readonly alert: (reason: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** What came of a message. */
export interface OutcomeV2 {
  readonly reply: { readonly status: 200 | 404; readonly body: Uint8Array<ArrayBuffer> };
  /** A stable word, for metrics. */
  readonly reason: string;
  /** Set for what proves nothing new: counted as a failure of its address, and told in the log as far as there is room. */
  readonly untold?: AuditEvent;
}

/** The outcome of a message that proves nothing, or nothing new. */
export function unproven(reply: SealedReply | OutcomeV2['reply'], untold: AuditEvent): OutcomeV2 {
  return { reply, reason: untold.reason, untold };
}
