import { AppError } from '../../core/errors.ts';
import type { CredentialStore } from './credential-store.ts';
import type { SecretFolder } from './secret-folder.ts';

/**
 * Secrets of the server's own, encrypted at rest (`vigil secrets put`). A source's version and stage are those that
 * Secrets Manager has. `beside` is asked for what the folder has not.
 */
export function fileStore(folder: SecretFolder, beside?: CredentialStore): CredentialStore {
  return {
    name: 'file',
    async issue(request) {
      const { id, version, stage } = request.source;
      const found = await folder.read(id, {
        ...(version === undefined ? {} : { version }),
        ...(stage === undefined ? {} : { stage }),
      });
      if (found !== undefined) return { kind: 'secret', text: found.text };
      if (beside !== undefined) return beside.issue(request);
      throw new AppError(
        'STORE_NOT_FOUND',
        `This server keeps no secret ${id} of that version: put it by vigil secrets put.`,
      );
    },
  };
}
