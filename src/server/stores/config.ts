import { z } from 'zod';
import { AppError } from '../../core/errors.ts';

/** What every group is checked for: an address that secrets may be sent to, or this machine. */
const address = z.string().refine(isSafeAddress, { error: 'must be an https address (http for this machine only)' });
const region = z
  .string()
  .regex(/^[a-z]{2,8}(-[a-z]{1,16}){1,3}-\d{1,2}$/, { error: 'must be a region such as eu-west-1' });
const name = z.string().regex(/^[A-Za-z0-9/_+=.@:-]{1,512}$/, { error: 'must be a name that sources can spell' });
const beginning = z
  .string()
  .regex(/^[A-Za-z0-9/_+=.@:-]{0,512}\*?$/, { error: 'must be a name, or the beginning of one with *' });
const cidr = z.string().regex(/^[0-9a-fA-F.:]{2,45}(\/\d{1,3})?$/, { error: 'must be an address or a CIDR range' });

const lock = z.union([
  z.literal('caller'),
  z.strictObject({
    addresses: z.array(cidr).exactOptional(),
    vpcs: z.array(z.string()).exactOptional(),
    endpoints: z.array(z.string()).exactOptional(),
  }),
]);

const roleFields = {
  arn: z.string(),
  region: region.exactOptional(),
  durationSeconds: z.number().int().min(900).max(43_200).exactOptional(),
  externalId: z.string().exactOptional(),
  /** JSON text or an object. */
  policy: z
    .union([z.string(), z.record(z.string(), z.unknown()).transform((value) => JSON.stringify(value))])
    .exactOptional(),
  policyArns: z.array(z.string()).max(10).exactOptional(),
  tags: z.record(z.string(), z.string()).exactOptional(),
  transitiveTagKeys: z.array(z.string()).exactOptional(),
  sourceIdentity: z.string().exactOptional(),
  lock: lock.exactOptional(),
};

const vaultAuth = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('approle'),
    mount: name.exactOptional(),
    roleId: z.string(),
    /** A file of its owner alone; read with each login, so that it can be renewed. */
    secretIdFile: z.string(),
  }),
  z.strictObject({
    kind: z.literal('aws'),
    mount: name.exactOptional(),
    role: z.string(),
    serverId: z.string().exactOptional(),
  }),
]);

const storesSchema = z.strictObject({
  aws: z
    .strictObject({
      region: region.exactOptional(),
      /** Where the server's own credentials come from: its environment, or a secret that it keeps itself (`file:NAME`). */
      credentials: z
        .union([z.literal('environment'), z.string().regex(/^file:.+$/, { error: 'must be environment or file:NAME' })])
        .default('environment'),
      endpoints: z
        .strictObject({
          all: address.exactOptional(),
          sts: address.exactOptional(),
          secretsmanager: address.exactOptional(),
          cloudwatch: address.exactOptional(),
          kms: address.exactOptional(),
          iam: address.exactOptional(),
        })
        .default({}),
      federationUrl: address.exactOptional(),
      timeoutSeconds: z.number().min(1).max(120).default(10),
    })
    .prefault({}),
  secretsmanager: z.strictObject({ names: z.array(beginning).default(['*']) }).exactOptional(),
  sts: z.strictObject({ roles: z.record(name, z.strictObject(roleFields)) }).exactOptional(),
  console: z
    .strictObject({
      roles: z.record(name, z.strictObject({ ...roleFields, destinations: z.array(z.string()).exactOptional() })),
    })
    .exactOptional(),
  vault: z
    .strictObject({
      address,
      namespace: z.string().exactOptional(),
      auth: vaultAuth,
      mounts: z.record(name, z.enum(['kv', 'aws'])).default({ secret: 'kv' }),
      wrapSeconds: z.number().int().min(5).max(3600).exactOptional(),
    })
    .exactOptional(),
});

/** The stores of a server, as its settings file has them under `stores`. No secret stands in it. */
export type StoresConfig = z.infer<typeof storesSchema>;

/** Reads the settings of the stores. Throws SETTINGS_INVALID, which names the field. */
export function parseStoresConfig(value: unknown): StoresConfig {
  const { success, data, error } = storesSchema.safeParse(value ?? {});
  if (success) return data;
  const [issue] = error.issues;
  const field = ['stores', ...(issue?.path ?? [])].map(String).join('.');
  throw new AppError(
    'SETTINGS_INVALID',
    `${field} ${issue?.message.replace(/^Invalid/, 'is no good: invalid') ?? 'is no good'}.`,
  );
}

function isSafeAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  const isLoopback = /^127(\.\d{1,3}){3}$|^\[::1\]$|^(.+\.)?localhost$/.test(hostname);
  return (protocol === 'https:' || (protocol === 'http:' && isLoopback)) && username === '' && password === '';
}
