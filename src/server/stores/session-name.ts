import { createHash } from 'node:crypto';

/**
 * The role session name of a caller, as CloudTrail shows it: the device's name where STS takes it (2 to 64 characters of
 * `\w+=,.@-`); otherwise as much of it as STS takes, and a hash of its id, so that no two devices have one name.
 */
export function sessionNameOf({ id, name }: { readonly id: string; readonly name: string }): string {
  if (/^[\w+=,.@-]{2,64}$/.test(name)) return name;
  const mark = createHash('sha256').update(id).digest('hex').slice(0, 12);
  return `${name.replace(/[^\w+=,.@-]+/g, '-').slice(0, 50)}.${mark}`;
}
