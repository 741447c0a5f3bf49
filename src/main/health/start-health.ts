import type { WallStatus } from '../../core/health/status.ts';
import { HEALTH_FILE_VARIABLE } from '../../core/health/supervised.ts';
import type { Logger } from '../../core/ports.ts';
import type { Settings } from '../../core/settings/schema.ts';
import type { Redactor } from '../../node/redact.ts';
import type { HealthServer } from './health-server.ts';

export interface StartHealthOptions {
  readonly settings: Settings['health'];
  readonly status: () => WallStatus;
  readonly logger: Logger;
  readonly redactor: Redactor;
}

export interface RunningHealth {
  /** Those listened on now, for `isHealthAddress`. */
  ports(): readonly number[];
  close(): Promise<void>;
}

/**
 * Tells how the wall is: on the port of the settings, where they name one, and to the supervisor, where there is one. Never rejects: a
 * wall that cannot tell how it is, is still a wall.
 */
export async function startHealth({ settings, status, logger, redactor }: StartHealthOptions): Promise<RunningHealth> {
  const { host, port, token } = settings;
  const file = process.env[HEALTH_FILE_VARIABLE];
  const redact = (text: string) => redactor.redact(text);
  const servers: HealthServer[] = [];
  const attempt = async (start: () => Promise<HealthServer>): Promise<void> => {
    try {
      servers.push(await start());
    } catch (error) {
      logger.log('error', 'health.not-started', { error });
    }
  };
  if (port !== undefined) {
    await attempt(async () => {
      const { startHealthServer } = await import('./health-server.ts');
      const secret = token === undefined ? {} : { token };
      return startHealthServer({ host, port, ...secret, status, logger, redact });
    });
  }
  // Whatever became of the other one: a supervisor that hears nothing takes the wall for hung.
  if (file !== undefined && file !== '') {
    await attempt(async () => {
      const { startSupervisedHealth } = await import('./supervised.ts');
      const onSecret = (one: string) => {
        redactor.add(one);
      };
      return startSupervisedHealth({ file, status, logger, redact, onSecret });
    });
  }
  return {
    ports: () => servers.map(({ port }) => port).filter((port) => port !== undefined),
    async close() {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}
