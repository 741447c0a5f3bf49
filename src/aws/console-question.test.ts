import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConsoleQuestion, formatConsoleQuestion, readConsoleQuestion } from './console-question.ts';

describe('a question about the console', () => {
  it('is read as it was written, however many names it has', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 60 })
      .filter((text) => !/\p{Surrogate}/u.test(text));
    const alarms = fc.record({
      names: fc.uniqueArray(name, { minLength: 1, maxLength: 200 }),
      prefix: fc.option(name),
    });
    fc.assert(
      fc.property(alarms, ({ names, prefix }) => {
        const end = prefix === null ? {} : { prefix };
        const asked = formatConsoleQuestion({ kind: 'alarms', region: 'eu-west-1', names, ...end });
        const read = asked.map((one) => readConsoleQuestion(one));
        for (const one of asked) expect(one.length).toBeLessThanOrEqual(2048);
        expect(read.flatMap((one) => (one?.kind === 'alarms' ? one.names : ['?']))).toEqual(names);
        expect(read.map((one) => one?.prefix).filter((one) => one !== undefined)).toEqual(
          prefix === null ? [] : [prefix],
        );
      }),
      { numRuns: 200 },
    );
  });

  it.each<[ConsoleQuestion, readonly string[]]>([
    [{ kind: 'dashboards', region: 'eu-west-1' }, ['list-dashboards:eu-west-1']],
    [{ kind: 'dashboards', region: 'eu-west-1', prefix: 'Gate-' }, ['list-dashboards:eu-west-1?prefix=Gate-']],
    [{ kind: 'alarms', region: 'eu-west-1', names: ['a b', 'c&d'] }, ['alarms:eu-west-1?name=a%20b&name=c%26d']],
    [{ kind: 'alarms', region: 'eu-west-1', names: ['x'.repeat(300)] }, []],
  ])('%j is %j', (question, expected) => {
    expect(formatConsoleQuestion(question)).toEqual(expected);
  });
});
