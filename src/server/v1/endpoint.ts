import type { Random } from '../../core/ports.ts';
import { toAppError } from '../../core/errors.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { AllowRule } from '../devices/device.ts';
import type { Admit } from '../limits/gate.ts';
import type { LiveKeys } from '../live-keys.ts';
import { isAllowed } from '../stores/allow.ts';
import type { CredentialStore, Issued } from '../stores/credential-store.ts';
import { formatSource, parseSource } from '../stores/source.ts';
import { sealAnswerV1, type RefusedV1, type VerifiedV1 } from './verify.ts';

/** What clients of protocol 1, who have no names, are called in the audit log. */
const CALLER = { id: 'v1', name: 'v1' } as const;

export interface EndpointV1 {
  readonly stores: ReadonlyMap<string, CredentialStore>;
  /** What clients of protocol 1 may have, all of them the same. */
  readonly allow: readonly AllowRule[];
  readonly audit: Audit;
  readonly random: Random;
  readonly admit: Admit;
}

/** What came of a request; a reason is for the audit log and never for the client. */
export type OutcomeV1 =
  | { readonly allowed: true; readonly body: string }
  /** `untold` is set for what proves nothing: a failure of its address, told in the log as far as there is room. */
  | { readonly allowed: false; readonly reason: string; readonly untold?: AuditEvent };

/** Answers one body of a request of protocol 1. Rejects for nothing that a client sent. */
export async function answerV1(
  endpoint: EndpointV1,
  keys: LiveKeys,
  body: Uint8Array,
  address: string | undefined,
): Promise<OutcomeV1> {
  const at = { event: 'verify-v1', caller: CALLER.id, ...(address === undefined ? {} : { address }) } as const;
  let ready = keys.current();
  const verify = (): Promise<VerifiedV1 | RefusedV1> => endpoint.admit(address, () => ready.verifyV1(body));
  let verdict = await verify();
  if (!verdict.verified && verdict.reason === 'no-key' && (await keys.changedSince(ready))) {
    ready = keys.current();
    verdict = await verify();
  }
  if (!verdict.verified) {
    const { reason } = verdict;
    return { allowed: false, reason, untold: { ...at, allowed: false, reason } };
  }
  const { stores, allow, audit, random } = endpoint;
  const source = parseSource(verdict.sourceText);
  const line = {
    ...at,
    generation: verdict.generation,
    ...(source === undefined ? {} : { source: formatSource(source) }),
  };
  const refuse = async (reason: string, detail?: string): Promise<OutcomeV1> => {
    await audit.append({ ...line, allowed: false, reason, ...(detail === undefined ? {} : { detail }) });
    return { allowed: false, reason };
  };

  if (source === undefined) return refuse('malformed-source');
  if (!isAllowed(allow, source, '')) return refuse('policy');
  const store = stores.get(source.store);
  if (store === undefined) return refuse('unknown-store');
  let text: string | undefined;
  try {
    const where = address === undefined ? {} : { address };
    text = textOf(await store.issue({ source, destination: '', caller: CALLER, ...where }));
  } catch (thrown) {
    const error = toAppError(thrown);
    return refuse(error.code, error.message);
  }
  if (text === undefined) return refuse('not-for-v1');
  // First the log, then the secret: what cannot be told is not handed out.
  await audit.append({ ...line, allowed: true, reason: 'ok' });
  return { allowed: true, body: sealAnswerV1(verdict.keyText, text, random) };
}

/** What a store gave, as protocol 1 has it: `ACCESS_KEY_ID,SECRET_ACCESS_KEY[,SESSION_TOKEN]`, or the secret as it is. */
function textOf(issued: Issued): string | undefined {
  if (issued.kind === 'secret') return issued.text;
  if (issued.kind !== 'credentials') return undefined;
  const { accessKeyId, secretAccessKey, sessionToken } = issued;
  return [accessKeyId, secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])].join(',');
}
