/** What helps against each failure: the doctor's advice, one line each. */
import type { ErrorCode } from '../core/errors.ts';

const REMEDIES: Readonly<Record<ErrorCode, string>> = {
  USAGE: 'see vigil --help',
  SETTINGS_UNREADABLE: 'make the file readable and plain UTF-8 YAML or JSON',
  SETTINGS_INVALID: 'correct the field there; vigil.example.yml shows every one',
  SETTINGS_MISSING: 'set the variables, or the fields in the settings file',

  KEYS_NOT_FOUND: 'put info2048.bin and public.pem where keys.* says, or correct keys.*',
  KEYS_UNREADABLE: 'look at what lies there, and at the permissions of the account that runs Vigil',
  KEYS_INVALID: 'publish the key set anew from the auto-id server',
  KEYS_INTEGRITY: 'publish the package anew, and find out who changed it',
  KEYS_REFUSED: 'give a token or access key that may read the keys',
  KEYS_UNAVAILABLE: 'wait and try again; it is the other side that does not work',

  SERVER_REFUSED: "check the secret's name, and that these are the keys that the server has now",
  SERVER_UNAVAILABLE: "wait and try again, then look into the server's log",
  SERVER_ANSWER_UNREADABLE: 'check that server.endpoint is an auto-id server, and no proxy or portal answers for it',
  CREDENTIALS_UNREADABLE: 'store the secret as ACCESS_KEY_ID,SECRET_ACCESS_KEY on the server',

  STS_ACCESS_DENIED: "allow it in the role's trust policy and in the policies of the credentials' owner",
  STS_CREDENTIALS_INVALID: 'renew the access key, and store the new one on the server',
  STS_CREDENTIALS_EXPIRED: 'store credentials on the server that have not expired',
  STS_CLOCK_SKEW: "set this machine's clock, and keep it right by NTP",
  STS_DURATION_TOO_LONG: "lower role.durationSeconds, or raise the role's maximum session duration",
  STS_REQUEST_INVALID: 'check what the sentence names: role.*, aws.region, aws.endpoints, or the proxy',
  STS_POLICY_INVALID: 'correct or shorten role.policy, role.policyArns and role.tags',
  STS_REGION_DISABLED: 'set aws.region to one that the account has switched on',
  STS_THROTTLED: 'wait and try again; others use the same account heavily',
  STS_UNAVAILABLE: 'wait and try again; it is AWS that does not work',
  STS_ANSWER_UNREADABLE: 'check aws.endpoints, and that no proxy or portal answers for AWS',
  FEDERATION_REFUSED: "check aws.federationUrl first, then the credentials, then the policies on the role's sessions",
  FEDERATION_UNAVAILABLE: 'wait and try again; it is AWS that does not work',
  FEDERATION_ANSWER_UNREADABLE: 'check aws.federationUrl, and that no proxy or portal answers for AWS',
  ALARMS_REFUSED: "allow cloudwatch:DescribeAlarms on * to the wall's role, and check the names of the alarms",
  ALARMS_UNAVAILABLE: 'wait and try again; it is CloudWatch that does not work',

  NETWORK_OFFLINE: 'connect this machine to the network',
  NETWORK_DNS: 'check the host name in the settings, and the name servers of this machine',
  NETWORK_REFUSED: 'check address and port, and the firewalls on the way',
  NETWORK_TIMEOUT: 'check the firewalls and the proxy on the way, or raise network.timeoutSeconds',
  NETWORK_TLS: "give your own certificate authority in network.caFile, and check this machine's clock",
  NETWORK_PROXY: 'check network.proxy, and its user name and password',
  NETWORK_INTERRUPTED: 'try again; if it stays, look at the firewalls and the proxy on the way',
  ANSWER_TOO_LARGE: 'check the addresses in the settings: something else answers there',

  CONSOLE_LOAD_FAILED: 'check dashboard.url',
  CONSOLE_NOT_PAINTED: 'open dashboard.url in a browser on this machine',
  CONSOLE_DATA_FAILED: 'open dashboard.url in a browser on this machine, and see what its widgets say',
  CONSOLE_BLANK: 'look at the log around that time, and at the memory and the graphics driver of this machine',
  CONSOLE_SIGNED_OUT: 'wait for the next sign-in',
  CONSOLE_ACCESS_DENIED: 'allow the role to read the dashboard',
  CONSOLE_DASHBOARD_MISSING: 'check the name and the region in dashboard.url',
  RENDERER_GONE: 'restart Vigil, and look at the memory of this machine',
  SUPERVISE_RUNNING: 'end the other supervisor, or give this one a folder of its own with --root',
  SUPERVISE_NOTHING_TO_RUN: "name the wall's command after --, or put a signed version into incoming/",
  SUPERVISE_FOLDER_UNUSABLE: 'give the account that runs the supervisor a folder that it alone may write to',
  SUPERVISE_KEY_INVALID: 'give a PEM file with an Ed25519 key, as vigil manifest --new-key makes it',
  SUPERVISE_MANIFEST_INVALID: 'make the manifest anew with vigil manifest, and copy the version whole',
  SUPERVISE_SIGNATURE_WRONG: 'get the version anew from whom you trust, or correct --public-key',
  SUPERVISE_FILES_INCOMPLETE: 'copy the version into incoming/ again, to the end',
  SUPERVISE_FILES_CHANGED: 'get the version anew, and find out who changed it',
  SUPERVISE_PLATFORM_WRONG: 'get the version that is built for this system and processor',
  SUPERVISE_DOWNGRADE: 'use a newer version, or start the supervisor once with --allow-downgrade',
  SUPERVISE_VERSION_TAKEN: 'give the changed program a version number of its own',
  SUPERVISE_TRIAL_FAILED: "look into the supervisor's log for why its wall was not live, and publish a mended version",
  INTERNAL: 'report it, with what this command printed',
};

/** What helps against a failure, as a short clause. */
export function remedyFor(code: ErrorCode): string {
  return REMEDIES[code];
}
