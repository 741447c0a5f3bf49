import { describe, expect, it } from 'vitest';
import { assumeRoleLadder, federationLadder, type DurationRung } from './duration-ladder.ts';

describe('the ladder for the console session', () => {
  it.each<[string, Parameters<typeof federationLadder>[0], DurationRung[]]>([
    ['nothing known', { chained: false, remembered: undefined }, [43_200, 'omitted']],
    ['longest worked', { chained: false, remembered: 43_200 }, [43_200, 'omitted']],
    ['omitted worked', { chained: false, remembered: 'omitted' }, ['omitted']],
    ['chained', { chained: true, remembered: undefined }, ['omitted']],
    ['chained now, lasting keys before', { chained: true, remembered: 43_200 }, ['omitted']],
  ])('%s', (_name, facts, expected) => {
    expect(federationLadder(facts)).toEqual(expected);
  });
});

describe("the ladder for the role's credentials", () => {
  it.each<[string, Parameters<typeof assumeRoleLadder>[0], DurationRung[]]>([
    ['not configured', { chained: false, remembered: undefined, configuredSeconds: undefined }, ['omitted']],
    ['short', { chained: false, remembered: undefined, configuredSeconds: 900 }, [900]],
    ['long', { chained: false, remembered: undefined, configuredSeconds: 7200 }, [7200, 3600]],
    ['long, and worked', { chained: false, remembered: 7200, configuredSeconds: 7200 }, [7200, 3600]],
    ['long, and was refused', { chained: false, remembered: 3600, configuredSeconds: 7200 }, [3600]],
    ['long and chained', { chained: true, remembered: undefined, configuredSeconds: 7200 }, [3600]],
    ['short and chained', { chained: true, remembered: undefined, configuredSeconds: 900 }, [900]],
  ])('%s', (_name, facts, expected) => {
    expect(assumeRoleLadder(facts)).toEqual(expected);
  });
});
