import { AppError, toAppError } from '../core/errors.ts';
import type { Clock, Logger } from '../core/ports.ts';
import type { AutoIdV2Options } from '../credentials/auto-id-v2.ts';
import { formatConsoleQuestion } from './console-question.ts';
import { checkAddress } from './destination.ts';
import { federationUrlOf, placeOfDashboard } from './partitions.ts';
import type { AlarmQuestion, SignIn, StageReport } from './sign-in.ts';

export interface ServerSignInOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A source of the server's store `console`. */
  readonly autoId: AutoIdV2Options;
  /** Default: the destination's. */
  readonly region?: string;
  /** Default: that of the destination's partition. */
  readonly federationUrl?: string;
  /** Whole URL of the dashboard. */
  readonly destination: string;
  readonly onStage?: (report: StageReport) => void;
  readonly onSecret?: (value: string) => void;
}

/**
 * Sign-ins that the auto-id server makes (its store `console`): one exchange, and no AWS credential on this machine. Of what
 * the server sends nothing is opened but a login at the federation endpoint that this machine expects, which leads to the
 * dashboard it asked for. Throws SETTINGS_INVALID for a bad address.
 */
export function createServerSignIn(options: ServerSignInOptions): SignIn {
  const { clock, logger, autoId, onSecret } = options;
  checkAddress(options.destination, 'dashboard.url');
  // As the server spells it, and compares it with what the device may have.
  const destination = new URL(options.destination).href;
  const place = placeOfDashboard(destination);
  const region = options.region ?? place.region ?? place.partition?.firstRegion ?? 'us-east-1';
  const partition = place.partition;
  const federationUrl =
    options.federationUrl ?? (partition === undefined ? undefined : federationUrlOf(partition, region));
  if (federationUrl === undefined) {
    throw new AppError('SETTINGS_INVALID', 'dashboard.url is no page of an AWS console: set aws.federationUrl too.');
  }
  checkAddress(federationUrl, 'aws.federationUrl');

  async function login(): Promise<{ url: string; sessionEndsAt: number }> {
    const { requestLogin } = await import('../credentials/auto-id-v2.ts');
    const granted = await requestLogin(autoId, destination, onSecret);
    const [given, expected] = [new URL(granted.url), new URL(federationUrl ?? '')];
    const leadsThere =
      isFederation(given, expected) &&
      given.searchParams.get('Action') === 'login' &&
      given.searchParams.get('Destination') === destination;
    if (leadsThere) return granted;
    throw new AppError(
      'FEDERATION_ANSWER_UNREADABLE',
      'The auto-id server gave an address that is no sign-in to the dashboard that was asked for: it is not opened.',
    );
  }

  return {
    federationUrl,
    region,
    credentials: () =>
      Promise.reject(
        new AppError(
          'CREDENTIALS_UNREADABLE',
          'The auto-id server signs in for this machine, and gives no credentials.',
        ),
      ),
    async ringing(question: AlarmQuestion) {
      const { requestAlarms } = await import('../credentials/auto-id-v2.ts');
      const { names = [], prefix } = question;
      const end = prefix === undefined ? {} : { prefix };
      const ringing = new Set<string>();
      const asked = formatConsoleQuestion({ kind: 'alarms', region: question.region ?? region, names, ...end });
      // One after the other: a device asks one thing at a time.
      for (const one of asked) for (const name of await requestAlarms(autoId, one)) ringing.add(name);
      return [...ringing];
    },
    async run() {
      const from = clock.monotonic();
      const report = (rest: Partial<StageReport>): void => {
        const whole = { stage: 'credentials', durationMs: Math.round(clock.monotonic() - from), ...rest } as const;
        logger.log(rest.failure === undefined ? 'info' : 'warn', 'sign-in.stage', whole);
        options.onStage?.(whole);
      };
      try {
        const { url, sessionEndsAt } = await login();
        const startedAt = clock.now();
        report({ detail: { provider: 'auto-id v2', lifeSeconds: Math.round((sessionEndsAt - startedAt) / 1000) } });
        return { loginUrl: url, startedAt, endsAt: sessionEndsAt, roleArn: '', assumedRoleArn: '' };
      } catch (thrown) {
        const error = toAppError(thrown);
        report({ failure: error.toFailure() });
        throw error;
      }
    },
  };
}

/** The federation endpoint itself, or the same of another region of its partition. */
function isFederation(given: URL, expected: URL): boolean {
  const family = (host: string): string => host.replace(/^[a-z]{2,4}(-[a-z]+)+-\d\.(?=signin\.)/, '');
  return (
    given.protocol === expected.protocol &&
    family(given.host) === family(expected.host) &&
    given.pathname === (expected.pathname === '/' ? '/federation' : expected.pathname)
  );
}
