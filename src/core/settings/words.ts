/** Names that people wrote, fit for sentences, and the names that they may have meant. */

/** Text of unknown origin, fit for a sentence: one line, at most 40 characters. */
export function plain(text: string): string {
  const clean = text.slice(0, 200).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?');
  return clean.length > 40 ? `${clean.slice(0, 40)}…` : clean;
}

/** Edits needed to turn one word into another, counted up to 64 characters of each. */
export function distance(from: string, to: string): number {
  const a = from.slice(0, 64).toLowerCase();
  const b = to.slice(0, 64).toLowerCase();
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(change, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? a.length;
}

/** The name among `known` that `word` was most likely meant to be; empty where there is none. */
export function nearestOf(known: Iterable<string>, word: string): string {
  let best = { name: '', far: Infinity };
  for (const name of known) {
    const far = distance(word, name);
    if (far < best.far) best = { name, far };
  }
  return best.name;
}
