/** Settings of older versions, brought to the present one by pure steps. */

/** The version that the schema describes. */
const SETTINGS_VERSION = 1;

/** One step each: `STEPS[0]` would turn version 1 into version 2. */
const STEPS: readonly ((settings: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>)[] = [];

export type Upgraded = { readonly values: unknown } | { readonly complaint: string };

/**
 * Settings as read from a file, in the present version. Without a version they count as the present one's. A newer
 * version is a complaint (a verb phrase), for what its fields mean is unknown here. Anything odd is left to the schema.
 */
export function upgradeSettings(values: unknown): Upgraded {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return { values };
  let settings = values as Readonly<Record<string, unknown>>;
  const version = Object.hasOwn(settings, 'version') ? settings['version'] : SETTINGS_VERSION;
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1 || version > 999) return { values };
  if (version > SETTINGS_VERSION) {
    return {
      complaint:
        `is of settings version ${version}, and this Vigil is older and knows versions up to ${SETTINGS_VERSION}: ` +
        'update Vigil, or bring back the older file',
    };
  }
  for (const step of STEPS.slice(version - 1)) settings = step(settings);
  return { values: settings };
}
