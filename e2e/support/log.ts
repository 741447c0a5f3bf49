import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../../scripts/lib/process.mjs';

/** One line of the wall's log. */
export interface LogRecord {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The log of one wall, read afresh at each look: it is small, and so a rotation needs no care. */
export class WallLog {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  records(): readonly LogRecord[] {
    const lines = this.text().split('\n');
    // The last one may be half written.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as LogRecord);
  }

  text(): string {
    return filesOf(this.#folder)
      .filter((name) => name.startsWith('vigil.log'))
      .sort((a, b) => b.length - a.length || b.localeCompare(a))
      .map((name) => readFileSync(join(this.#folder, name), 'utf8'))
      .join('');
  }

  of(event: string): readonly LogRecord[] {
    return this.records().filter((record) => record.event === event);
  }

  /**
   * Waits for a record and gives it.
   * @param after how many records of this event are to be passed over, such as those that were there before
   * @param failed gives a reason to wait no longer
   */
  async next(
    event: string,
    options: { after?: number; where?: (record: LogRecord) => boolean; failed?: () => string | undefined } = {},
  ): Promise<LogRecord> {
    const { after = 0, where = () => true, failed } = options;
    const look = () => {
      const found = this.of(event).slice(after).find(where);
      const reason = found === undefined ? failed?.() : undefined;
      if (reason !== undefined) throw new Error(`${reason} before its log said ${event}.\n${this.lastWords()}`);
      return found;
    };
    try {
      return await waitUntil(look, { what: `The log did not say ${event}`, timeoutMs: 60_000 });
    } catch (error) {
      throw new Error(`${String(error)}\n${this.lastWords()}`, { cause: error });
    }
  }

  lastWords(): string {
    const lines = this.text().trimEnd().split('\n').slice(-12);
    return `The log's last lines:\n${lines.map((line) => `  ${line.slice(0, 400)}`).join('\n')}`;
  }
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
