/** One way of a connection: bytes come in at one end and go out late, in trickles or not at all, as the rules say. */
import type { Rules } from './rules.ts';

interface Piece {
  readonly bytes: Buffer;
  readonly cameAt: number;
  /** Its share of the jitter, 0 to 1. */
  readonly chance: number;
}

export interface LinePorts {
  /** Monotonic ms. */
  readonly now: () => number;
  /** Calls back after `ms`; gives what takes that back. */
  readonly after: (ms: number, call: () => void) => () => void;
  /** Uniform in [0, 1). */
  readonly fraction: () => number;
  readonly write: (bytes: Buffer) => void;
  /** Everything that came in has gone out, and no more will come. */
  readonly ended: () => void;
}

const TRICKLES_PER_SECOND = 20;

/** Keeps the order of what comes in. */
export class Line {
  readonly #ports: LinePorts;
  readonly #pieces: Piece[] = [];
  #rules: Rules;
  #isOpen = true;
  #isEnding = false;
  /** When the last piece had left. */
  #freeAt = -Infinity;
  #takeBack: () => void = () => undefined;

  constructor(rules: Rules, ports: LinePorts) {
    this.#rules = rules;
    this.#ports = ports;
  }

  /** Bytes that wait inside. */
  get waiting(): number {
    return this.#pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  push(bytes: Buffer): void {
    this.#pieces.push({ bytes, cameAt: this.#ports.now(), chance: this.#ports.fraction() });
    if (this.#pieces.length === 1) this.#work();
  }

  /** Nothing more comes in. */
  end(): void {
    this.#isEnding = true;
    this.#work();
  }

  /** New rules, for what waits inside, too. */
  follow(rules: Rules): void {
    this.#rules = rules;
    this.#work();
  }

  close(): void {
    this.#isOpen = false;
    this.#takeBack();
    this.#pieces.length = 0;
  }

  #work(): void {
    this.#takeBack();
    while (this.#isOpen && this.#rules.drop !== 'black-hole') {
      const [piece] = this.#pieces;
      if (piece === undefined) {
        if (this.#isEnding) {
          this.#isOpen = false;
          this.#ports.ended();
        }
        return;
      }
      const { latencyMs, jitterMs, bytesPerSecond } = this.#rules;
      const most = Math.max(1, Math.ceil(bytesPerSecond / TRICKLES_PER_SECOND));
      const bytes = piece.bytes.subarray(0, Math.min(most, piece.bytes.length));
      const begins = Math.max(this.#freeAt, piece.cameAt + latencyMs + jitterMs * piece.chance);
      const due = begins + (bytes.length / bytesPerSecond) * 1000;
      const now = this.#ports.now();
      if (due > now) {
        this.#takeBack = this.#ports.after(due - now, () => {
          this.#work();
        });
        return;
      }
      this.#freeAt = due;
      if (bytes.length === piece.bytes.length) this.#pieces.shift();
      else this.#pieces[0] = { ...piece, bytes: piece.bytes.subarray(bytes.length) };
      this.#ports.write(bytes);
    }
  }
}
