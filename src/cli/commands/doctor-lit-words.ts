/** Words that the doctor's looks at the display share. */
import type { Judgement } from './doctor-lit.ts';

export function fine(sentence: string): Judgement {
  return { status: 'ok', sentence };
}

export function notFine(sentence: string, remedy: string): Judgement {
  return { status: 'warn', sentence, remedy };
}

export function cannotTell(why: string): Judgement {
  return { status: 'skip', sentence: `Cannot be told here: ${why}.` };
}

/** What happens after a time without input, and that the wall keeps it from happening. */
export function prevented(what: string, seconds: number): Judgement {
  return fine(`${what} after ${duration(seconds)}; the wall keeps it from doing so while it runs.`);
}

/** A time for people, such as "10 minutes" or "90 seconds". */
export function duration(seconds: number): string {
  const [count, unit] = seconds >= 120 && seconds % 60 === 0 ? [seconds / 60, 'minute'] : [seconds, 'second'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
