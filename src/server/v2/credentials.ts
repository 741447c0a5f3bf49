import { fromBase64Url, toUtf8 } from '../../autoid/encoding.ts';
import { blankRefusal, type ReplyCode, type SealedReply } from '../../autoid/v2/reply.ts';
import type { OpenedRequest, Opener, VerifiedRequest } from '../../autoid/v2/server.ts';
import type { PublicKey } from '../../autoid/v2/signatures.ts';
import { AppError, toAppError } from '../../core/errors.ts';
import type { AuditEvent } from '../audit/audit.ts';
import type { Device } from '../devices/device.ts';
import { asJson, deviceOf } from '../devices/document.ts';
import { isWithin, parseRanges } from '../limits/addresses.ts';
import { isAllowed } from '../stores/allow.ts';
import type { Item } from '../state/state-store.ts';
import type { Issued, IssueRequest } from '../stores/credential-store.ts';
import { canonicalDestination } from '../stores/destination.ts';
import { formatSource, parseSource } from '../stores/source.ts';
import { unproven, type EndpointV2, type OutcomeV2 } from './endpoint.ts';
import { decide, WINDOW_MS, type Decision } from './step.ts';

/** How often a step is decided anew because somebody else changed the device first. */
const MOST_RACES = 20;
/** When to come again where nothing else is known, in s: for what may pass, and for what somebody must change. */
const [SOON_S, LATER_S] = [5, 60];

const EMPTY = new Uint8Array();

type Step = Pick<Decision, 'stepAccepted' | 'serverStep'>;
interface More {
  readonly retryAfterSeconds?: number;
  readonly detail?: string;
}

/**
 * Answers one message to `/v2/credentials`. The order of the checks is the protocol's: open, signature, clock, then nonce,
 * rate and step in one write, then network and allow-list, then the store, the audit log, and the sealed reply. Rejects for
 * nothing that a client sent.
 */
export async function answerCredentials(
  endpoint: EndpointV2,
  message: Uint8Array,
  address: string | undefined,
): Promise<OutcomeV2> {
  const { clock, random, keys, audit, turns } = endpoint;
  const at = { event: 'credentials', allowed: false, ...(address === undefined ? {} : { address }) } as const;
  let ready = keys.current();
  const open = (): ReturnType<Opener['open']> => endpoint.admit(address, () => ready.opener.open(message));
  let opened = await open();
  if (opened.status === 'unopened' && (await keys.changedSince(ready))) {
    ready = keys.current();
    opened = await open();
  }
  if (opened.status === 'unopened') return unproven(blankRefusal(random), { ...at, reason: 'unopened' });
  const request = opened;
  const currentGeneration = ready.keys.v2[0]?.generation ?? 0;
  const line = { ...at, caller: request.deviceId, generation: request.generation };
  const seal = (
    code: ReplyCode,
    step: Step,
    more: More & { readonly payload?: Uint8Array<ArrayBuffer> } = {},
  ): Promise<SealedReply> => {
    const { stepAccepted, serverStep } = step;
    const { retryAfterSeconds = 0, payload = EMPTY } = more;
    const now = clock.now();
    return request.seal({ code, stepAccepted, now, currentGeneration, retryAfterSeconds, serverStep, payload }, random);
  };
  const none = { stepAccepted: false, serverStep: 0 };

  const checked = await verify(endpoint, request).catch(asStateFailure);
  if (checked instanceof AppError) {
    const reply = await seal('retry', none, { retryAfterSeconds: SOON_S });
    return unproven(reply, { ...line, reason: checked.code, detail: checked.message });
  }
  if (typeof checked === 'string') return unproven(await seal('refused', none), { ...line, reason: checked });
  const { verified, item } = checked;
  const { source: sourceText, destination: destinationText } = verified;
  const source = parseSource(sourceText);
  const destination = canonicalDestination(destinationText);
  const wanted = {
    ...(source === undefined ? {} : { source: formatSource(source) }),
    ...(destination === undefined || destination === '' ? {} : { destination }),
  };
  const told = (reason: string, detail: string | undefined): AuditEvent => ({
    ...{ ...line, ...wanted, allowed: false, reason },
    ...(detail === undefined ? {} : { detail }),
  });
  /** Refuses what costs the device a request of its hour: each is in the log. */
  const refuse = async (code: ReplyCode, reason: string, step: Step, more: More = {}): Promise<OutcomeV2> => {
    await audit.append(told(reason, more.detail)).catch(() => undefined);
    return { reply: await seal(code, step, more), reason };
  };
  /** Refuses what anybody could have sent again who saw it once: in the log as far as there is room. */
  const turnAway = async (code: ReplyCode, reason: string, step: Step, more: More = {}): Promise<OutcomeV2> =>
    unproven(await seal(code, step, more), told(reason, more.detail));

  const skew = verified.timestamp - clock.now();
  if (Math.abs(skew) > WINDOW_MS) return turnAway('clock', 'clock', none, { detail: `${Math.round(skew / 1000)} s` });
  const restSeconds = endpoint.quarantine.restSeconds();
  if (restSeconds > 0) return turnAway('retry', 'quarantine', none, { retryAfterSeconds: restSeconds });

  // One device's requests take turns here; the conditional write stands against other processes.
  const decided = await turns
    .run(request.deviceId, (waited) => take(endpoint, verified, address, waited ? undefined : item))
    .catch(asStateFailure);
  if (decided instanceof AppError) {
    return turnAway('retry', decided.code, none, { retryAfterSeconds: SOON_S, detail: decided.message });
  }
  const { decision, device } = decided;
  if (decision.isAlert) endpoint.alert(decision.reason, { device: device.id, name: device.name, address });
  if (decision.next === undefined) return turnAway(decision.code, decision.reason, decision, decision);
  if (decision.code !== 'ok') return refuse(decision.code, decision.reason, decision, decision);

  const { networks, allow } = device.policy;
  const isNear = networks.length === 0 || (address !== undefined && isWithin(address, parseRanges(networks)));
  if (!isNear) return refuse('policy', 'network', decision);
  if (source === undefined || destination === undefined || !isAllowed(allow, source, destination)) {
    return refuse('policy', 'not-allowed', decision);
  }
  const issued = await issue(endpoint, {
    source,
    destination,
    caller: { id: device.id, name: device.name },
    ...(address === undefined ? {} : { address }),
  });
  if ('reason' in issued) return refuse('retry', issued.reason, decision, issued);
  try {
    await audit.append({ ...line, ...wanted, allowed: true, reason: 'ok' });
  } catch {
    // What cannot be told is not handed out.
    return { reply: await seal('retry', decision, { retryAfterSeconds: SOON_S }), reason: 'audit-unavailable' };
  }
  return { reply: await seal('ok', decision, { payload: toUtf8(JSON.stringify(issued.what)) }), reason: 'ok' };
}

/** The request as its device signed it, or why not; the same work for a device that there is not. */
async function verify(
  endpoint: EndpointV2,
  request: OpenedRequest,
): Promise<{ readonly verified: VerifiedRequest; readonly item: Item | undefined } | string> {
  const item = await endpoint.state.get('device', request.deviceId);
  const device = item === undefined ? undefined : deviceOf(item);
  const key = device === undefined ? undefined : publicKeyOf(device);
  const verified = await request.verify(key);
  if (verified !== undefined) return { verified, item };
  return device === undefined ? 'unknown-device' : key === undefined ? device.status : 'signature';
}

/** The public key of a device that has one. */
export function publicKeyOf(device: Device): PublicKey | undefined {
  if (device.status !== 'active' && device.status !== 'locked') return undefined;
  const bytes = device.key === undefined ? undefined : fromBase64Url(device.key.publicKey);
  return bytes === undefined || device.key === undefined
    ? undefined
    : { algorithm: device.key.algorithm, publicKey: bytes };
}

/** Nonce, rate and step in one conditional write. Rejects with STATE_*, also when others were always first. */
async function take(
  { state, clock }: EndpointV2,
  request: VerifiedRequest,
  address: string | undefined,
  seen: Item | undefined,
): Promise<{ readonly decision: Decision; readonly device: Device }> {
  for (let race = 0; race < MOST_RACES; race++) {
    const item = (race === 0 ? seen : undefined) ?? (await state.get('device', request.deviceId));
    if (item === undefined) break;
    const device = deviceOf(item);
    if (device.status !== 'active') {
      const serverStep = device.status === 'locked' ? (device.key?.counter.n ?? 0) : 0;
      const locked = { code: 'locked', stepAccepted: false, serverStep, retryAfterSeconds: 0, isAlert: false } as const;
      return { device, decision: { ...locked, reason: device.status } };
    }
    const decision = decide(device, request, clock.now(), address);
    const { next } = decision;
    if (next === undefined || (await state.put('device', item.key, asJson(next), item.version))) {
      return { decision, device };
    }
  }
  throw new AppError('STATE_UNAVAILABLE', 'The device changes too often just now.');
}

/** A failure of the state as a value; whatever else is thrown is a mistake of ours. */
function asStateFailure(thrown: unknown): AppError {
  if (thrown instanceof AppError && thrown.code.startsWith('STATE_')) return thrown;
  throw thrown;
}

async function issue(
  { stores }: EndpointV2,
  request: IssueRequest,
): Promise<
  { readonly what: Issued } | { readonly reason: string; readonly detail: string; readonly retryAfterSeconds: number }
> {
  const store = stores.get(request.source.store);
  if (store === undefined) return { reason: 'unknown-store', detail: request.source.store, retryAfterSeconds: LATER_S };
  try {
    return { what: await store.issue(request) };
  } catch (thrown) {
    const { code, message: detail, retryAfterMs } = toAppError(thrown);
    const wish = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000);
    const mayPass = code === 'STORE_UNAVAILABLE' || code === 'STORE_ANSWER_UNREADABLE';
    return { reason: code, detail, retryAfterSeconds: wish ?? (mayPass ? SOON_S : LATER_S) };
  }
}
