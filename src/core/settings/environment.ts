/** The environment as a layer of settings: the reference clients' variables, the AWS SDK's, and a few of Vigil's own. */
import { setValueAt } from './fields.ts';
import type { SettingsLayer } from './layers.ts';

interface Variable {
  readonly name: string;
  /** Dotted path of the field. */
  readonly path: string;
  /** How the text becomes a value; text by default. */
  readonly kind?: 'number' | 'boolean';
}

/** Every variable read. Where two mean the same field, the later one is the stronger. */
export const VARIABLES: readonly Variable[] = [
  { name: 'AUTO_ID_API_ENDPOINT', path: 'server.endpoint' },
  { name: 'AUTO_ID_SECRET_NAME', path: 'server.secret' },
  { name: 'VIGIL_CREDENTIAL_SOURCE', path: 'server.credentialSource' },
  { name: 'VIGIL_SERVER_PROTOCOL', path: 'server.protocol' },
  { name: 'VIGIL_DEVICE_FILE', path: 'server.deviceFile' },
  { name: 'VIGIL_ACTIVATION_CODE', path: 'server.activationCode' },
  { name: 'VIGIL_KEYS_SOURCE', path: 'keys.source' },
  { name: 'AUTO_ID_KEYS_DIR', path: 'keys.directory' },
  { name: 'NPM_SCOPE', path: 'keys.npm.scope' },
  { name: 'NPM_PACKAGE', path: 'keys.npm.package' },
  { name: 'VIGIL_NPM_REGISTRY', path: 'keys.npm.registry' },
  { name: 'NPM_TOKEN', path: 'keys.npm.token' },
  { name: 'AUTO_ID_BUCKET', path: 'keys.s3.bucket' },
  { name: 'VIGIL_S3_REGION', path: 'keys.s3.region' },
  { name: 'VIGIL_S3_PREFIX', path: 'keys.s3.prefix' },
  { name: 'ENTROPY_ACCESS_ID', path: 'keys.s3.accessKeyId' },
  { name: 'ENTROPY_SECRET_KEY', path: 'keys.s3.secretAccessKey' },
  { name: 'VIGIL_ENTROPY_SESSION_TOKEN', path: 'keys.s3.sessionToken' },
  { name: 'VIGIL_GIT_URL', path: 'keys.git.url' },
  { name: 'VIGIL_GIT_BRANCH', path: 'keys.git.branch' },
  { name: 'VIGIL_GIT_TOKEN', path: 'keys.git.token' },
  { name: 'VIGIL_KEYS_URL', path: 'keys.https.url' },
  { name: 'VIGIL_KEYS_TOKEN', path: 'keys.https.token' },
  { name: 'ASSUME_ROLE_ARN', path: 'role.arn' },
  { name: 'ASSUME_ROLE_SESSION_NAME', path: 'role.sessionName' },
  { name: 'VIGIL_ROLE_DURATION_SECONDS', path: 'role.durationSeconds', kind: 'number' },
  { name: 'VIGIL_ROLE_EXTERNAL_ID', path: 'role.externalId' },
  { name: 'VISIT_URL', path: 'dashboard.url' },
  { name: 'VIGIL_ZOOM', path: 'dashboard.zoom', kind: 'number' },
  { name: 'AWS_DEFAULT_REGION', path: 'aws.region' },
  { name: 'AWS_REGION', path: 'aws.region' },
  { name: 'VIGIL_FEDERATION_URL', path: 'aws.federationUrl' },
  { name: 'AWS_ENDPOINT_URL', path: 'aws.endpoints.all' },
  { name: 'AWS_ENDPOINT_URL_STS', path: 'aws.endpoints.sts' },
  { name: 'AWS_ENDPOINT_URL_S3', path: 'aws.endpoints.s3' },
  { name: 'VIGIL_PROXY', path: 'network.proxy' },
  { name: 'VIGIL_CA_FILE', path: 'network.caFile' },
  { name: 'VIGIL_TIMEOUT_SECONDS', path: 'network.timeoutSeconds', kind: 'number' },
  { name: 'VIGIL_WINDOWED', path: 'wall.windowed', kind: 'boolean' },
  { name: 'VIGIL_TRAY', path: 'wall.tray', kind: 'boolean' },
  { name: 'VIGIL_MAX_SESSION_AGE_SECONDS', path: 'wall.maxSessionAgeSeconds', kind: 'number' },
  { name: 'VIGIL_LOG_FOLDER', path: 'wall.logFolder' },
  { name: 'VIGIL_HEALTH_PORT', path: 'health.port', kind: 'number' },
  { name: 'VIGIL_HEALTH_TOKEN', path: 'health.token' },
];

/** The variable to name for a field: the strongest that sets it. */
export function variableOf(path: string): string | undefined {
  return VARIABLES.filter((variable) => variable.path === path).at(-1)?.name;
}

/** A value as batch files and env files leave it: without the spaces and the one pair of quotes around it. */
function unquoted(text: string): string {
  const trimmed = text.trim();
  const quote = trimmed.at(0);
  const isQuoted = (quote === '"' || quote === "'") && trimmed.length >= 2 && trimmed.endsWith(quote);
  return isQuoted ? trimmed.slice(1, -1).trim() : trimmed;
}

/** Text from a variable or a flag as the kind of value its field takes; what does not fit stays text, for the schema. */
export function valueFromText(text: string, kind: 'text' | 'number' | 'boolean'): string | number | boolean {
  if (kind === 'number' && /^[+-]?\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text);
  if (kind === 'boolean' && /^(true|yes|on|1)$/i.test(text)) return true;
  if (kind === 'boolean' && /^(false|no|off|0)$/i.test(text)) return false;
  return text;
}

/** The layer that a set of environment variables makes. An empty variable counts as not set. */
export function environmentLayer(variables: Readonly<Record<string, string | undefined>>): SettingsLayer {
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const { name, path, kind } of VARIABLES) {
    const text = unquoted((Object.hasOwn(variables, name) ? variables[name] : undefined) ?? '');
    if (text === '') continue;
    setValueAt(values, path, valueFromText(text, kind ?? 'text'));
    origins[path] = name;
  }
  return { layer: 'environment', name: 'the environment', values, origins };
}
