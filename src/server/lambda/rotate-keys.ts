import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { AppError, toAppError } from '../../core/errors.ts';
import { anchorToLog } from '../audit/anchors.ts';
import { readHead } from '../audit/state-audit.ts';
import { AUDIT_STREAM } from '../data-folder.ts';
import { placesFromConfig } from '../rotation/places/from-config.ts';
import { createRotator, type Progress, type RotatorOptions } from '../rotation/rotator.ts';
import { rotateIfDue } from '../rotation/schedule.ts';
import { environmentCredentials } from '../stores/own-credentials.ts';
import { textOf, withSecretsManager } from '../stores/secrets-manager.ts';
import { jsonOf, openLambdaHome, type LambdaHome, type LambdaPorts } from './home.ts';

const ORDERS = ['due', 'rotate', 'emergency'] as const;
type Order = (typeof ORDERS)[number];
const CALL_TIMEOUT_MS = 10_000;
const DAY_MS = 86_400_000;

/**
 * Moves the keys on: `{"do": "due"}` does whatever is, by a schedule that comes more often than that: a new generation when
 * the newest is VIGIL_ROTATE_EVERY_DAYS old, the end of one whose overlap is over, the rest of what was interrupted.
 * `rotate` makes a generation now, `emergency` ends all others at once. Rejects when something is left to do, so that AWS tries again, and an
 * alarm on the function's errors tells.
 */
export function createRotation(
  ports: LambdaPorts & Pick<RotatorOptions, 'makeV1'>,
): (event: unknown) => Promise<Omit<Progress, 'failures'>> {
  return async (event) => {
    const order = orderOf(event);
    const everyMs = everyMsOf(ports.env['VIGIL_ROTATE_EVERY_DAYS'] ?? '');
    const home = openLambdaHome('rotation', ports);
    try {
      const { clock, logger } = ports;
      const places = await placesOf(home, ports);
      const rotator = createRotator({
        ...{ vault: home.vault, places, clock, logger, audit: home.audit },
        ...(ports.makeV1 === undefined ? {} : { makeV1: ports.makeV1 }),
      });
      const { failures, ...progress } =
        order === 'due'
          ? await rotateIfDue(rotator, clock.now(), everyMs)
          : await rotator.rotate({ emergency: order === 'emergency' });
      const [first] = failures;
      if (first === undefined) return progress;
      throw new AppError('PUBLISH_FAILED', `${first.place}: ${first.error.message}`, { cause: first.error });
    } finally {
      await anchorCommands(home, ports);
      await home.audit.close();
      await home.state.close();
    }
  };
}

/** Commands write a chain of their own and have no place for anchors: this function, which comes every hour, anchors it. */
async function anchorCommands({ state }: LambdaHome, { clock, logger }: LambdaPorts): Promise<void> {
  try {
    const head = await readHead(state, AUDIT_STREAM);
    if (head.seq > 0) await anchorToLog(logger)({ stream: AUDIT_STREAM, ...head, at: clock.now() });
  } catch (thrown) {
    logger.log('error', 'audit.anchor-failed', { sentence: toAppError(thrown).message });
  }
}

function orderOf(event: unknown): Order {
  const given = typeof event === 'object' && event !== null && 'do' in event ? event.do : undefined;
  const order = ORDERS.find((one) => one === given);
  if (order !== undefined) return order;
  throw new AppError('USAGE', 'Say what to do: {"do": "due"}, {"do": "rotate"} or {"do": "emergency"}.');
}

/** Throws SETTINGS_INVALID. */
function everyMsOf(days: string): number | undefined {
  if (days === '' || days === '0') return undefined;
  if (/^\d{1,3}$/.test(days)) return Number(days) * DAY_MS;
  throw new AppError('SETTINGS_INVALID', 'VIGIL_ROTATE_EVERY_DAYS must be a whole number of days, or 0 for never.');
}

/** The places of VIGIL_PLACES; a token that they need comes from the secret that VIGIL_PUBLISH_TOKEN_SECRET names. */
async function placesOf({ region }: LambdaHome, { env, fetch }: LambdaPorts) {
  const secret = env['VIGIL_PUBLISH_TOKEN_SECRET'] ?? '';
  const endpoint = env['AWS_ENDPOINT_URL_SECRETS_MANAGER'] ?? env['AWS_ENDPOINT_URL'] ?? '';
  const access = {
    region,
    credentials: environmentCredentials(env),
    endpoints: endpoint === '' ? {} : { secretsmanager: endpoint },
    timeoutMs: CALL_TIMEOUT_MS,
  };
  const what = 'the token that the keys are published with';
  const token =
    secret === ''
      ? {}
      : {
          VIGIL_PUBLISH_TOKEN: await withSecretsManager(
            { fetch },
            access,
            { what, action: 'secretsmanager:GetSecretValue' },
            async (client) => textOf(await client.send(new GetSecretValueCommand({ SecretId: secret })), secret),
          ),
        };
  const config = jsonOf(env, 'VIGIL_PLACES', { places: [] });
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  const own = { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN };
  return placesFromConfig(config, { fetch, env: { ...own, ...token }, folder: '/' });
}
