import { randomBytes } from 'node:crypto';
import { readFile, rename, unlink, writeFile } from 'node:fs/promises';
import type { HealthFile } from '../../core/health/supervised.ts';
import { type HealthServer, type HealthServerOptions, startHealthServer } from './health-server.ts';

export interface SupervisedOptions extends Pick<HealthServerOptions, 'status' | 'logger' | 'redact' | 'limits'> {
  /** Path of the file; its folder must exist. */
  readonly file: string;
  /** Hears the token, for redaction. */
  readonly onSecret: (secret: string) => void;
}

/**
 * The supervisor's own way to ask how the wall is: a free port of this machine, behind a token that is new with each start and known
 * to no one but the file, which its owner alone can read. A file that cannot be written is logged; the wall goes on.
 */
export async function startSupervisedHealth(options: SupervisedOptions): Promise<HealthServer> {
  const { file, logger, status, redact, limits } = options;
  const token = randomBytes(32).toString('base64url');
  options.onSecret(token);
  let written = Promise.resolve();
  const server = await startHealthServer({
    port: 0,
    host: '127.0.0.1',
    token,
    status,
    logger,
    redact,
    ...(limits === undefined ? {} : { limits }),
    onListening: (port) => {
      const told: HealthFile = { pid: process.pid, port, token };
      written = writeWhole(file, `${JSON.stringify(told)}\n`).catch((error: unknown) => {
        logger.log('error', 'health.file-not-written', { file, error });
      });
    },
  });
  await written;
  return {
    get port() {
      return server.port;
    },
    async close() {
      await server.close();
      await written;
      await removeOwn(file, token);
    },
  };
}

/** Whole or not at all, and never readable by others, not even for a moment. */
async function writeWhole(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(draft, text, { flag: 'wx', mode: 0o600 });
    await rename(draft, file);
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw error;
  }
}

/** A wall that was started meanwhile may have written its own. */
async function removeOwn(file: string, token: string): Promise<void> {
  try {
    const { token: found } = JSON.parse(await readFile(file, 'utf8')) as Partial<HealthFile>;
    if (found === token) await unlink(file);
  } catch {
    // Gone already, or somebody else's.
  }
}
