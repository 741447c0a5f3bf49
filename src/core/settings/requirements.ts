/** What each job needs to find in the settings. */
import { wallPlanOf } from '../plan/from-settings.ts';
import { variableOf } from './environment.ts';
import type { SettingsProblem } from './layers.ts';
import type { KeySourceName, Settings } from './schema.ts';
import { credentialSourceOf, dashboardSettings, sessionSettings, type Target, targetOf } from './sessions.ts';

export { credentialSourceOf } from './sessions.ts';

/** `keys`: fetching a key set. `credentials`: that and the auto-id server. `login-url`, `wall`: that, role and page. */
export type Purpose = 'keys' | 'credentials' | 'login-url' | 'wall';

/**
 * The key source that the settings mean: the one named, or the first that is configured of directory, npm, S3, git, HTTPS; with
 * protocol 2 the server itself where none is.
 */
export function keySourceOf(settings: Settings): KeySourceName | undefined {
  const { source, directory, npm, s3, git, https } = settings.keys;
  if (source !== undefined) return source;
  if (directory !== undefined) return 'directory';
  if (npm.scope !== undefined) return 'npm';
  if (s3.bucket !== undefined) return 's3';
  if (git.url !== undefined) return 'git';
  if (https.url !== undefined) return 'https';
  return settings.server.protocol === 'v2' ? 'server' : undefined;
}

/** Whether a session's login addresses are made by the server, from its store `console`: the machine gets no credentials. */
export function isServerSignIn(settings: Settings, session: string): boolean {
  return settings.server.protocol === 'v2' && /^console(,|$)/.test(credentialSourceOf(settings, session) ?? '');
}

function missingKeys(settings: Settings): string[] {
  const { directory, npm, s3, git, https } = settings.keys;
  switch (keySourceOf(settings)) {
    case undefined:
    case 'directory':
      return directory === undefined ? ['keys.directory'] : [];
    case 'server':
      return [];
    case 'git':
      return git.url === undefined ? ['keys.git.url'] : [];
    case 'https':
      return https.url === undefined ? ['keys.https.url'] : [];
    case 'npm':
      return npm.registry === undefined ? ['keys.npm.registry'] : [];
    case 's3': {
      const missing: string[] = [];
      if (s3.bucket === undefined) missing.push('keys.s3.bucket');
      if (s3.accessKeyId === undefined) missing.push('keys.s3.accessKeyId');
      if (s3.secretAccessKey === undefined) missing.push('keys.s3.secretAccessKey');
      return missing;
    }
  }
}

/**
 * Paths of the fields that a job needs and that are not set. A wall needs what its displays show; the other jobs are
 * about one session and one dashboard. Of names that the settings do not have, nothing is missing.
 */
export function missingFields(settings: Settings, purpose: Purpose, target: Partial<Target> = {}): readonly string[] {
  const missing = missingKeys(settings);
  if (settings.server.protocol === 'v2' && settings.server.deviceFile === undefined) missing.push('server.deviceFile');
  if (purpose === 'keys') return missing;
  if (settings.server.endpoint === undefined) missing.push('server.endpoint');
  const { session, dashboard } = targetOf(settings, target);
  const plan = purpose === 'wall' ? wallPlanOf(settings) : { sessions: [session], dashboards: { [dashboard]: true } };
  if (plan.sessions.some((name) => credentialSourceOf(settings, name) === undefined)) missing.push('server.secret');
  if (purpose === 'credentials') return missing;
  // Where the server signs in to the console, the role is its matter.
  const own = plan.sessions.filter((name) => !isServerSignIn(settings, name));
  const roles = own.map((name) => sessionSettings(settings, name));
  if (roles.some((role) => role !== undefined && role.arn === undefined)) missing.push('role.arn');
  const dashboards = Object.keys(plan.dashboards).map((name) => dashboardSettings(settings, name));
  if (dashboards.some((one) => one !== undefined && one.url === undefined)) missing.push('dashboard.url');
  return missing;
}

/**
 * The missing fields of a job as one problem (SETTINGS_MISSING) that names each with its variable, or undefined. Fields
 * that `others` tell of already are not called missing.
 */
export function missingProblem(
  settings: Settings,
  purpose: Purpose,
  others: readonly SettingsProblem[] = [],
  target: Partial<Target> = {},
): SettingsProblem | undefined {
  const missing = missingFields(settings, purpose, target).filter(
    (path) => !others.some((other) => other.path === path),
  );
  const [first] = missing;
  if (first === undefined) return undefined;
  const names = missing.map((path) => `${path} (${variableOf(path) ?? 'no variable'})`).join(', ');
  const other =
    first === 'keys.directory' && settings.keys.source === undefined
      ? '; keys may come from npm or S3 instead: NPM_SCOPE or AUTO_ID_BUCKET'
      : '';
  return {
    code: 'SETTINGS_MISSING',
    path: first,
    sentence: `Not set yet, in the settings file or the environment: ${names}${other}.`,
    source: { layer: 'defaults', name: '' },
  };
}
