/** A connection of a wall and the one to the service behind it, with a line each way between them. */
import type { Duplex } from 'node:stream';
import { Line } from './line.ts';
import type { Rules } from './rules.ts';

/** Bytes that may wait on one way before its sender is made to wait. */
const MOST_WAITING = 1 << 18;

export interface LinkPorts {
  readonly fraction: () => number;
  /** The connection was cut off after its allowance. */
  readonly onCut: () => void;
  /** The service could not be reached, or its connection broke. */
  readonly onFailed: (code: string) => void;
}

export class Link {
  readonly #client: Duplex;
  readonly #service: Duplex;
  readonly #ports: LinkPorts;
  readonly #up: Line;
  readonly #down: Line;
  #rules: Rules;
  /** Bytes that may still go to the client. */
  #allowance: number;
  #failure: string | undefined;

  /** Takes over both ends. @param client must not have been read from, or given back what was read */
  constructor(client: Duplex, service: Duplex, rules: Rules, ports: LinkPorts) {
    this.#client = client;
    this.#service = service;
    this.#rules = rules;
    this.#ports = ports;
    this.#allowance = rules.cutAfterBytes;
    this.#up = this.#lay(client, service, (bytes) => service.write(bytes));
    this.#down = this.#lay(service, client, (bytes) => {
      this.#answer(bytes);
    });
    client.once('close', () => {
      this.close();
    });
    service.once('error', (error: NodeJS.ErrnoException) => {
      this.#failure = error.code ?? 'broken';
      this.#fail();
    });
    service.once('close', () => {
      // After a good end the client has been told so in its turn.
      if (!service.readableEnded) {
        this.#failure ??= 'closed';
        this.#fail();
      }
    });
  }

  follow(rules: Rules): void {
    if (rules.cutAfterBytes !== this.#rules.cutAfterBytes) this.#allowance = rules.cutAfterBytes;
    this.#rules = rules;
    this.#up.follow(rules);
    this.#down.follow(rules);
    this.#fail();
  }

  close(): void {
    this.#up.close();
    this.#down.close();
    this.#client.destroy();
    this.#service.destroy();
  }

  #lay(from: Duplex, to: Duplex, write: (bytes: Buffer) => void): Line {
    const goOn = () => {
      if (line.waiting + to.writableLength < MOST_WAITING) from.resume();
    };
    const line = new Line(this.#rules, {
      now: () => performance.now(),
      after: (ms, call) => {
        const timer = setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
      fraction: this.#ports.fraction,
      write: (bytes) => {
        write(bytes);
        goOn();
      },
      ended: () => to.end(),
    });
    from.on('data', (bytes: Buffer) => {
      line.push(bytes);
      if (line.waiting + to.writableLength >= MOST_WAITING) from.pause();
    });
    from.once('end', () => {
      line.end();
    });
    from.on('error', () => undefined);
    to.on('drain', goOn);
    // It may have been paused while its first byte was looked at.
    from.resume();
    return line;
  }

  #answer(bytes: Buffer): void {
    if (bytes.length < this.#allowance) {
      this.#allowance -= bytes.length;
      this.#client.write(bytes);
      return;
    }
    // What is allowed must have left before the end comes.
    this.#client.write(bytes.subarray(0, this.#allowance), () => {
      this.close();
    });
    this.#up.close();
    this.#down.close();
    this.#ports.onCut();
  }

  /** Hands the service's failure on, once something passes again. */
  #fail(): void {
    if (this.#failure === undefined || this.#client.destroyed || this.#rules.drop === 'black-hole') return;
    this.#ports.onFailed(this.#failure);
    this.close();
  }
}
