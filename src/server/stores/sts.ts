import { toAppError } from '../../core/errors.ts';
import { asStoreFailure } from './aws-failures.ts';
import type { CredentialStore } from './credential-store.ts';
import { checkRoles, type RoleIssuer, roleNamed, type StoreRole } from './roles.ts';

/**
 * Temporary credentials: `sts,NAME` has the server assume the role of that name with its own credentials, as the caller's
 * session and, where the role is locked, for the caller's network alone. No lasting key leaves the server.
 */
export function stsStore(issuer: RoleIssuer, roles: Readonly<Record<string, StoreRole>>): CredentialStore {
  checkRoles(roles);
  return {
    name: 'sts',
    async issue(request) {
      const role = roleNamed(roles, request);
      try {
        const { credentials } = (await issuer.assumeFor(role, request)).session;
        return { kind: 'credentials', ...credentials };
      } catch (error) {
        throw asStoreFailure(toAppError(error), 'AWS STS');
      }
    },
  };
}
