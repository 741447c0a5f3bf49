import { AppError } from '../../core/errors.ts';
import { placesFromConfig } from '../rotation/places/from-config.ts';
import { createRotator, type Progress } from '../rotation/rotator.ts';
import { environmentCredentials } from '../stores/own-credentials.ts';
import { textOf, withSecretsManager } from '../stores/secrets-manager.ts';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { jsonOf, openLambdaHome, type LambdaHome, type LambdaPorts } from './home.ts';

const ORDERS = ['rotate', 'advance', 'emergency'] as const;
type Order = (typeof ORDERS)[number];
const CALL_TIMEOUT_MS = 10_000;

/**
 * Moves the keys on: `{"do": "rotate"}` makes a generation, `advance` ends what has ended and goes on with what was
 * interrupted, `emergency` ends all others at once. Rejects when something is left to do, so that AWS tries again, and an
 * alarm on the function's errors tells.
 */
export function createRotation(ports: LambdaPorts): (event: unknown) => Promise<Omit<Progress, 'failures'>> {
  return async (event) => {
    const order = orderOf(event);
    const home = openLambdaHome('rotation', ports);
    try {
      const { clock, logger } = ports;
      const places = await placesOf(home, ports);
      const rotator = createRotator({ vault: home.vault, places, clock, logger, audit: home.audit });
      const { failures, ...progress } =
        order === 'advance' ? await rotator.advance() : await rotator.rotate({ emergency: order === 'emergency' });
      const [first] = failures;
      if (first === undefined) return progress;
      throw new AppError('PUBLISH_FAILED', `${first.place}: ${first.error.message}`, { cause: first.error });
    } finally {
      await home.audit.close();
      await home.state.close();
    }
  };
}

function orderOf(event: unknown): Order {
  const given = typeof event === 'object' && event !== null && 'do' in event ? event.do : undefined;
  const order = ORDERS.find((one) => one === given);
  if (order !== undefined) return order;
  throw new AppError('USAGE', `Say what to do: {"do": "rotate"}, or ${ORDERS.slice(1).join(', or ')}.`);
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
  return placesFromConfig(config, { fetch, env: { ...env, ...token }, folder: '/' });
}
