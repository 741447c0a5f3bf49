/** The roles of the settings: the one that has no name, and those that have. */
import { z } from 'zod';
import {
  arn,
  credentialSource,
  group,
  matching,
  named,
  policy,
  region,
  seconds,
  secretName,
  sessionName,
  tagKey,
  tagValue,
} from './field-kinds.ts';

const roleArn = () => arn('iam', 'role', 'arn:aws:iam::123456789012:role/Wall');

/** What every role has, but for its ARN and its session's name. */
const howToAssume = {
  durationSeconds: seconds(900, 43_200)
    .exactOptional()
    .describe("How long the role's credentials last, in seconds. Where it is missing, AWS's own default of one hour."),
  externalId: matching(/^[\w+=,.@:/-]{2,1224}$/, '2 to 1224 characters, each a letter, a digit or one of _+=,.@:/-')
    .exactOptional()
    .describe("External id, where the role's trust policy asks for one."),
  policy: policy()
    .exactOptional()
    .describe('Session policy that narrows the role down, as JSON text or an object; at most 2048 characters.'),
  policyArns: z
    .array(arn('iam', 'policy', 'arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess'), {
      error: 'must be a list of policy ARNs',
    })
    .max(10, { error: 'must list at most 10 policies' })
    .exactOptional()
    .describe('Managed policies that narrow the role down; at most 10.'),
  tags: z
    .record(tagKey(), tagValue(), { error: 'must map tag keys to values' })
    .refine((value) => Object.keys(value).length <= 50, { error: 'must have at most 50 tags' })
    .exactOptional()
    .describe('Session tags; at most 50. The trust policy must allow sts:TagSession.'),
  transitiveTagKeys: z
    .array(tagKey(), { error: 'must be a list of tag keys' })
    .max(50, { error: 'must list at most 50 tag keys' })
    .exactOptional()
    .describe('Keys of the tags that later role sessions keep.'),
  sourceIdentity: sessionName()
    .exactOptional()
    .describe('Source identity of the session. The trust policy must allow sts:SetSourceIdentity.'),
};

export const role = z
  .strictObject({
    arn: roleArn().exactOptional().describe('The role to assume for the console.'),
    sessionName: sessionName()
      .default('vigil')
      .describe("Name of the role session, as CloudTrail shows it. By default vigil, with the machine's name."),
    ...howToAssume,
  })
  .prefault({})
  .describe('The role that the dashboard is looked at with.');

/** STS refuses transitive keys that are not among the session's tags. */
export function hasTransitiveTags(tags: unknown, keys: readonly unknown[]): boolean {
  const known = typeof tags === 'object' && tags !== null ? tags : {};
  return keys.every((key) => typeof key === 'string' && Object.hasOwn(known, key));
}

const namedRole = group({
  arn: roleArn().describe('The role to assume for the console.'),
  sessionName: sessionName()
    .exactOptional()
    .describe('Name of the role session, as CloudTrail shows it. Where it is missing, role.sessionName.'),
  ...howToAssume,
  secret: secretName()
    .exactOptional()
    .describe("Name of the server's secret that holds the AWS keys for this role. Where it is missing, the server's."),
  credentialSource: credentialSource()
    .exactOptional()
    .describe('The same in full: store,id[,version[,stage]]. Instead of secret.'),
  region: region()
    .exactOptional()
    .describe('Region for AWS calls of this role. Where it is missing, aws.region or that of its dashboards.'),
}).superRefine((value, context) => {
  if (value.secret !== undefined && value.credentialSource !== undefined) {
    const message = 'must not stand beside secret: they say the same in two ways';
    context.addIssue({ code: 'custom', path: ['credentialSource'], message });
  }
  if (!hasTransitiveTags(value.tags, value.transitiveTagKeys ?? [])) {
    const message = "must name keys of the role's tags only";
    context.addIssue({ code: 'custom', path: ['transitiveTagKeys'], message });
  }
});

export const roles = named(namedRole, 'roles', 50)
  .default({})
  .describe('More roles by name, for dashboards of other accounts or with other rights; at most 50.');
