import type { Logger } from '../../core/ports.ts';

/** Writes each event as one line of JSON, which CloudWatch Logs takes apart by itself; errors with their code and sentence. */
export function createLineLog(write: (line: string) => void): Logger {
  return {
    log(level, event, fields = {}) {
      write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields }, told)}\n`);
    },
  };
}

function told(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, cause } = value;
  const code = 'code' in value && typeof value.code === 'string' ? { code: value.code } : {};
  return { name, ...code, message, ...(cause === undefined ? {} : { cause }) };
}
