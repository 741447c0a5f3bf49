/** What is asked for as a duration: seconds, or nothing, which leaves it to AWS. */
export type DurationRung = number | 'omitted';

/** Longest session of the console and of a role, in seconds (IAM user guide, custom identity brokers; STS AssumeRole). */
export const LONGEST_SECONDS = 43_200;
/** What roles always grant, what role chaining is held to, and AssumeRole's own default, in seconds. */
export const ONE_HOUR_SECONDS = 3_600;

export interface FederationFacts {
  /** The role was assumed with temporary credentials (role chaining). */
  readonly chained: boolean;
  /** What worked last for this role. */
  readonly remembered: DurationRung | undefined;
}

/**
 * Values of `SessionDuration` for getSigninToken, best first; never empty, and the last is always `omitted`, with which
 * the console session lasts as long as the role's credentials.
 *
 * - What was refused is not asked for again while that is remembered.
 * - A role assumed with temporary credentials gets no more than an hour and may be refused for asking, so it does not.
 * - A role assumed with lasting keys may get twelve hours even when its credentials last one; AWS's documents disagree on
 *   whether the role's maximum counts. That maximum is no rung of its own: `role.durationSeconds` makes the credentials
 *   last as long as the role may, and `omitted` gives the session the same (docs/adr/0008).
 */
export function federationLadder({ chained, remembered }: FederationFacts): readonly DurationRung[] {
  return chained || remembered === 'omitted' ? ['omitted'] : [LONGEST_SECONDS, 'omitted'];
}

export interface AssumeRoleFacts {
  readonly chained: boolean;
  readonly remembered: DurationRung | undefined;
  /** `role.durationSeconds`. */
  readonly configuredSeconds: number | undefined;
}

/**
 * Values of `DurationSeconds` for AssumeRole, best first, never empty. Without a configured duration AWS decides (one
 * hour); a configured one that is more than the role or role chaining allows is followed by one hour.
 */
export function assumeRoleLadder(facts: AssumeRoleFacts): readonly DurationRung[] {
  const { chained, remembered, configuredSeconds } = facts;
  if (configuredSeconds === undefined) return ['omitted'];
  if (configuredSeconds <= ONE_HOUR_SECONDS) return [configuredSeconds];
  if (chained || remembered === ONE_HOUR_SECONDS) return [ONE_HOUR_SECONDS];
  return [configuredSeconds, ONE_HOUR_SECONDS];
}
