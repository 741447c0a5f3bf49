/** How the command ends when it fails: one line on stderr, and an exit code that says whose failure it is. */
import { exitCodeOf, toAppError } from '../core/errors.ts';
import { createRedactor } from '../node/redact.ts';

/** Text on one line, without control characters and without what looks like a secret. */
function oneLine(text: string): string {
  return createRedactor()
    .redact(text)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
}

export interface FailureReport {
  /** With its line end. */
  readonly text: string;
  readonly exitCode: number;
}

/** `vigil: CODE: sentence` for anything thrown; with `debug`, the stack and its causes below, redacted too. */
export function failureReport(thrown: unknown, debug: boolean): FailureReport {
  const error = toAppError(thrown);
  const line = `vigil: ${error.code}: ${oneLine(error.message)}\n`;
  return { text: debug ? line + stacks(error) : line, exitCode: exitCodeOf(error.code) };
}

function stacks(error: Error): string {
  const redactor = createRedactor();
  const parts: string[] = [];
  for (let current: unknown = error; current instanceof Error && parts.length < 8; current = current.cause) {
    parts.push(`${redactor.redact(current.stack ?? current.message)}\n`);
  }
  return parts.join('caused by ');
}
