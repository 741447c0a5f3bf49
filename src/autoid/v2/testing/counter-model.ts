import { divergenceProof, evaluateStep, firstStep, stepToSend } from '../counter.ts';
import type { DeviceStep } from '../counter.ts';

/**
 * A device, possibly a second copy of it, a network and a server, explored to the last reachable state. The network holds
 * requests back for as long as it likes and delivers them in any order; replies arrive, or the device gives up before. The
 * device crashes at any moment, and its writes fail, before or after they reached the disk. What the two ends decide is
 * decided by the product's own functions; each x is a number here, drawn once.
 */
export interface Bounds {
  /** Requests that each copy may start, x that may be drawn, crashes and failing writes that may happen. */
  readonly requests: readonly number[];
  readonly draws: number;
  readonly crashes: number;
  readonly badWrites: number;
  /** When the disk may be copied: never, only with nothing under way and the step answered, or at any moment. */
  readonly clone: 'never' | 'at-rest' | 'any-moment';
}

interface Step {
  readonly n: number;
  readonly p: number;
  readonly x: number;
  readonly answered: boolean;
}

/** A request under way. `slot` is where its copy waits for the reply; -1 once it has given up. */
interface Packet {
  readonly copy: number;
  readonly slot: number;
  readonly n: number;
  readonly p: number;
  readonly x: number;
  readonly isProof: boolean;
}

/** A reply; `late` comes with the step that the server is at. */
type Code = 'accepted' | `late ${number}` | 'ahead' | 'locked';

/** `waiting` for a reply, or the reply that has come; undefined for a free place. */
type Slot = 'waiting' | Code | undefined;

interface Copy {
  readonly disk: Step;
  readonly memory: Step;
  readonly slots: readonly Slot[];
  readonly requests: number;
}

export interface State {
  readonly server: { readonly n: number; readonly x: number; readonly locked: boolean };
  readonly copies: readonly Copy[];
  readonly packets: readonly Packet[];
  readonly drawn: number;
  readonly crashes: number;
  readonly badWrites: number;
  /** The first x that was drawn after the copy was made, and which copy drew each from then on. */
  readonly clonedAt: number | undefined;
  readonly owners: readonly number[];
  /** The step at which the server was in the transition that led here, and whose request it took; for the invariants. */
  readonly seen: { readonly copy: number; readonly verdict: string; readonly before: number } | undefined;
}

/** Goes through every state within the bounds; `check` throws where one is wrong. Gives their number. */
export function explore(bounds: Bounds, check: (state: State) => void): number {
  const start: State = {
    server: { n: 0, x: 0, locked: false },
    copies: [freshCopy(fromProduct(firstStep(bytesOf(0))), bounds.requests[0] ?? 0)],
    packets: [],
    drawn: 1,
    crashes: bounds.crashes,
    badWrites: bounds.badWrites,
    clonedAt: undefined,
    owners: [],
    seen: undefined,
  };
  const known = new Set([keyOf(start)]);
  let frontier = [start];
  while (frontier.length > 0) {
    const next: State[] = [];
    for (const state of frontier) {
      for (const successor of successors(state, bounds)) {
        check(successor);
        const key = keyOf(successor);
        if (known.has(key)) continue;
        known.add(key);
        next.push(successor);
      }
    }
    frontier = next;
  }
  return known.size;
}

/** Everything that can happen next. */
function successors(state: State, bounds: Bounds): State[] {
  const found: State[] = [];
  state.copies.forEach((copy, index) => {
    found.push(...starts(state, index, bounds));
    copy.slots.forEach((slot, at) => {
      if (slot === 'waiting') found.push(givenUp(state, index, at));
      else if (slot !== undefined) found.push(...answered(state, index, at, bounds));
    });
    if (state.crashes > 0) found.push({ ...crashed(state, index), crashes: state.crashes - 1 });
  });
  state.packets.forEach((_, at) => found.push(delivered(state, at)));
  if (mayClone(state, bounds)) {
    const [original] = state.copies;
    if (original !== undefined) {
      const copy = freshCopy(original.disk, bounds.requests[1] ?? 0);
      found.push({ ...state, copies: [original, copy], clonedAt: state.drawn, seen: undefined });
    }
  }
  return found;
}

/** A copy sends: on a new step when the rule says so, with a write that works, fails, or fails after it was done. */
function starts(state: State, index: number, bounds: Bounds): State[] {
  const copy = copyOf(state, index);
  const free = copy.slots.indexOf(undefined);
  if (free < 0 || copy.requests === 0) return [];
  const inFlight = copy.slots.filter((slot) => slot !== undefined).length;
  const step = fromProduct(stepToSend(toProduct(copy.memory), inFlight, () => bytesOf(state.drawn)));
  const send = (from: State, memory: Step, disk: Step): State => {
    const packet = { copy: index, slot: free, n: memory.n, p: memory.p, x: memory.x, isProof: false };
    const slots = copy.slots.map((slot, at) => (at === free ? ('waiting' as const) : slot));
    const sent = withCopy(from, index, { disk, memory, slots, requests: copy.requests - 1 });
    return { ...sent, packets: [...state.packets, packet] };
  };
  if (step.n === copy.memory.n) return [send(state, copy.memory, copy.disk)];
  if (state.drawn >= bounds.draws) return [];
  const drew = draw(state, index);
  const works = send(drew, step, step);
  if (state.badWrites === 0) return [works];
  const fails = { ...drew, badWrites: state.badWrites - 1 };
  return [works, send(fails, copy.memory, copy.disk), send(fails, copy.memory, step)];
}

/** A reply is read: an accepted step is remembered, on disk too unless that write fails; a late one brings the proof. */
function answered(state: State, index: number, at: number, bounds: Bounds): State[] {
  const copy = copyOf(state, index);
  const code = copy.slots[at];
  const slots = copy.slots.map((slot, i) => (i === at ? undefined : slot));
  if (code === 'accepted') {
    const memory = { ...copy.memory, answered: true };
    const inMemory = withCopy(state, index, { ...copy, memory, slots });
    const kept = withCopy(state, index, { ...copy, memory, disk: memory, slots });
    return state.badWrites > 0 ? [kept, { ...inMemory, badWrites: state.badWrites - 1 }] : [kept];
  }
  const serverStep = code?.startsWith('late ') === true ? Number(code.slice(5)) : undefined;
  if (serverStep === undefined || state.drawn >= bounds.draws) return [withCopy(state, index, { ...copy, slots })];
  const proof = divergenceProof(toProduct(copy.memory), serverStep, () => bytesOf(state.drawn));
  const { n, p, x } = fromProduct(proof);
  const waiting = copy.slots.map((slot, i) => (i === at ? ('waiting' as const) : slot));
  const drew = withCopy(draw(state, index), index, { ...copy, slots: waiting });
  return [{ ...drew, packets: [...state.packets, { copy: index, slot: at, n, p, x, isProof: true }] }];
}

/** A request reaches the server. Its reply reaches the copy unless that has given up. */
function delivered(state: State, at: number): State {
  const packet = state.packets[at];
  if (packet === undefined) return state;
  const { server } = state;
  const hashes = { n: packet.n, hp: String(packet.p), hx: String(packet.x) };
  const verdict = server.locked ? undefined : evaluateStep({ n: server.n, hx: String(server.x) }, hashes);
  const code: Code =
    verdict === undefined || verdict.kind === 'fork'
      ? 'locked'
      : verdict.kind === 'late'
        ? `late ${server.n}`
        : verdict.kind === 'ahead'
          ? 'ahead'
          : 'accepted';
  const after =
    verdict?.kind === 'advance'
      ? { n: verdict.counter.n, x: Number(verdict.counter.hx), locked: false }
      : { ...server, locked: server.locked || verdict?.kind === 'fork' };
  const copy = copyOf(state, packet.copy);
  const slots = copy.slots.map((slot, i) => (i === packet.slot ? code : slot));
  return {
    ...withCopy(state, packet.copy, { ...copy, slots }),
    server: after,
    packets: state.packets.filter((_, i) => i !== at),
    seen: {
      copy: packet.copy,
      verdict: `${packet.isProof ? 'proof ' : ''}${verdict?.kind ?? 'locked'}`,
      before: server.x,
    },
  };
}

function givenUp(state: State, index: number, at: number): State {
  const copy = copyOf(state, index);
  const packets = state.packets.map((one) => (one.copy === index && one.slot === at ? { ...one, slot: -1 } : one));
  return {
    ...withCopy(state, index, { ...copy, slots: copy.slots.map((slot, i) => (i === at ? undefined : slot)) }),
    packets,
  };
}

/**
 * One request of this copy from here with nothing going wrong, to its end: started again, on a network that has forgotten
 * what was under way, and with the proof that follows where one does.
 */
export function oneGoodRequest(state: State, index: number, bounds: Bounds): State {
  const rested = crashed(state, index);
  const able = withCopy(rested, index, { ...copyOf(rested, index), requests: 1 });
  let now: State = { ...able, packets: [], badWrites: 0 };
  for (;;) {
    const { slots } = copyOf(now, index);
    const reply = slots.findIndex((slot) => slot !== undefined && slot !== 'waiting');
    const [next] =
      now.packets.length > 0
        ? [delivered(now, 0)]
        : reply >= 0
          ? answered(now, index, reply, bounds)
          : starts(now, index, bounds);
    if (next === undefined) return now;
    now = next;
  }
}

/** The process ends and starts again from what its disk holds; whatever was under way is lost to it. */
function crashed(state: State, index: number): State {
  const copy = copyOf(state, index);
  const packets = state.packets.map((one) => (one.copy === index ? { ...one, slot: -1 } : one));
  return { ...withCopy(state, index, { ...copy, memory: copy.disk, slots: [undefined, undefined] }), packets };
}

function mayClone(state: State, bounds: Bounds): boolean {
  const [copy, other] = state.copies;
  if (bounds.clone === 'never' || other !== undefined || copy === undefined) return false;
  const isQuiet = state.packets.length === 0 && copy.slots.every((slot) => slot === undefined);
  return bounds.clone === 'any-moment' || (isQuiet && copy.disk.answered);
}

function draw(state: State, index: number): State {
  const owners = state.clonedAt === undefined ? state.owners : [...state.owners, index];
  return { ...state, drawn: state.drawn + 1, owners, seen: undefined };
}

/** Which copy alone knows this x: one that was drawn after the copy was made. */
export function ownerOf(state: State, x: number): number | undefined {
  return state.clonedAt === undefined ? undefined : state.owners[x - state.clonedAt];
}

export function copyOf(state: State, index: number): Copy {
  const copy = state.copies[index];
  if (copy === undefined) throw new Error(`no copy ${index}`);
  return copy;
}

function withCopy(state: State, index: number, copy: Copy): State {
  return { ...state, copies: state.copies.map((one, i) => (i === index ? copy : one)), seen: undefined };
}

function freshCopy(step: Step, requests: number): Copy {
  return { disk: step, memory: step, slots: [undefined, undefined], requests };
}

function keyOf(state: State): string {
  const { server, copies, packets } = state;
  const steps = (step: Step): string => `${step.n}.${step.p}.${step.x}${step.answered ? '!' : ''}`;
  const held = copies.map((one) => `${steps(one.disk)} ${steps(one.memory)} ${one.slots.join()} ${one.requests}`);
  const under = packets.map((one) => `${one.copy}${one.slot}.${one.n}.${one.p}.${one.x}${one.isProof ? 'p' : ''}`);
  return [
    `${server.n}.${server.x}${server.locked ? 'L' : ''}`,
    ...held,
    under.sort().join(' '),
    `${state.drawn} ${state.crashes} ${state.badWrites} ${state.clonedAt ?? '-'} ${state.owners.join('')}`,
  ].join('|');
}

const BYTES = Array.from({ length: 64 }, (_, i) => Uint8Array.of(i));

function bytesOf(x: number): Uint8Array<ArrayBuffer> {
  const bytes = BYTES[x];
  if (bytes === undefined) throw new RangeError('too many draws');
  return bytes;
}

function toProduct({ n, p, x, answered: isAnswered }: Step): DeviceStep {
  return { n, p: bytesOf(p), x: bytesOf(x), answered: isAnswered };
}

function fromProduct(step: DeviceStep): Step {
  return { n: step.n, p: step.p[0] ?? 0, x: step.x[0] ?? 0, answered: step.answered };
}
