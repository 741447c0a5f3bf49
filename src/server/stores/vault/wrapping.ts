import { AppError } from '../../../core/errors.ts';
import type { StorePorts } from '../ports.ts';
import { unreadable, type VaultClient, type VaultRequest } from './client.ts';
import { asObject, textIn } from './json.ts';

/** Who asked, for the audit log. */
export interface WrappedFor {
  readonly caller: string;
  readonly source: string;
  readonly address?: string;
}

/**
 * A read whose answer Vault wraps (Vault concepts, "Response wrapping"): what comes first is a token that opens the answer
 * once. Before it is opened, `sys/wrapping/lookup` must say that it was made for this very read: somebody in between could
 * have read the answer and wrapped it again. A token that does not open was opened by somebody else: STORE_REFUSED, and an
 * audit event `vault.unwrap` that is an alert.
 */
export async function readWrapped(
  { audit }: Pick<StorePorts, 'audit'>,
  client: VaultClient,
  request: VaultRequest & { /** As Vault spells it. */ readonly creationPath: string },
  wrapSeconds: number,
  who: WrappedFor,
): Promise<Readonly<Record<string, unknown>>> {
  const wrapped = await client.call({ ...request, headers: { 'x-vault-wrap-ttl': `${wrapSeconds}s` } });
  const token = textIn(asObject(wrapped['wrap_info']), 'token');
  // Vault that does not wrap when asked to, or somebody who takes the wish out on the way.
  if (token === undefined) throw unreadable(request.path);

  const alert = async (reason: string, sentence: string): Promise<AppError> => {
    const { caller, source, address } = who;
    const from = address === undefined ? {} : { address };
    await audit.append({
      event: 'vault.unwrap',
      allowed: false,
      reason,
      caller,
      source,
      ...from,
      detail: request.path,
    });
    return new AppError('STORE_REFUSED', sentence);
  };
  const open = async (path: string): Promise<Readonly<Record<string, unknown>>> => {
    const answer = await client.callWrapping(path, token);
    if (answer !== undefined) return answer;
    throw await alert(
      'opened-before',
      `A wrapped answer of Vault for ${request.path} was opened by somebody else first: find out who reads between this server and Vault, and renew that secret.`,
    );
  };

  const creationPath = textIn(asObject((await open('sys/wrapping/lookup'))['data']), 'creation_path');
  if (creationPath !== request.creationPath) {
    throw await alert(
      'wrapped-elsewhere',
      `A wrapped answer of Vault for ${request.path} was made for another path: find out who answers in the place of Vault, and renew that secret.`,
    );
  }
  return open('sys/wrapping/unwrap');
}
