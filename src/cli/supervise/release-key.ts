/** Replaced by the build with the PEM text of the release's public keys; not there in a build from source. */
declare const __VIGIL_RELEASE_KEYS__: string | undefined;

/** The public keys that this build trusts versions by, as PEM text; undefined for a build that has none. */
export const RELEASE_KEYS: string | undefined =
  typeof __VIGIL_RELEASE_KEYS__ === 'string' && __VIGIL_RELEASE_KEYS__ !== '' ? __VIGIL_RELEASE_KEYS__ : undefined;
