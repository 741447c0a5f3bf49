/** `vigil credentials`: what auto-id gave, in the form that another program reads. */
import { credentialProviderFromSettings } from '../../aws/from-settings.ts';
import { AppError } from '../../core/errors.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';
import { createPorts, settingsFor } from '../context.ts';
import { flagLayer } from '../flags.ts';

const FORMATS = ['json', 'env', 'process'] as const;
export type Format = (typeof FORMATS)[number];

/** A value for a line that shells evaluate; what AWS gives needs no quotes, and so suits env files too. */
function quoted(value: string): string {
  return /^[\w+/=.:@%,-]*$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

/** The credentials in one of the formats, with line ends. */
export function formatCredentials(credentials: AwsCredentials, format: Format): string {
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = credentials;
  const expiration = expiresAt === undefined ? undefined : new Date(expiresAt).toISOString();
  switch (format) {
    case 'json':
      return `${JSON.stringify({ accessKeyId, secretAccessKey, sessionToken, expiration }, null, 2)}\n`;
    case 'process':
      // AWS SDKs and Tools Reference Guide, process credential provider.
      return `${JSON.stringify({
        Version: 1,
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        SessionToken: sessionToken,
        Expiration: expiration,
      })}\n`;
    case 'env':
      return [
        ['AWS_ACCESS_KEY_ID', accessKeyId],
        ['AWS_SECRET_ACCESS_KEY', secretAccessKey],
        ['AWS_SESSION_TOKEN', sessionToken],
        ['AWS_CREDENTIAL_EXPIRATION', expiration],
      ]
        .flatMap(([name, value]) => (name === undefined || value === undefined ? [] : [`${name}=${quoted(value)}\n`]))
        .join('');
  }
}

/** Runs the command; resolves with what goes to stdout. Throws what settings, keys, server and network throw. */
export async function credentials(options: Readonly<Record<string, unknown>>): Promise<string> {
  const format = FORMATS.find((name) => name === options['format']);
  if (format === undefined) throw new AppError('USAGE', '--format must be json, env or process.');
  const configFile = typeof options['config'] === 'string' ? options['config'] : undefined;
  const settings = await settingsFor('credentials', flagLayer(options, 'server'), configFile);
  const provider = await credentialProviderFromSettings(settings, await createPorts(settings));
  return formatCredentials(await provider.get(), format);
}
