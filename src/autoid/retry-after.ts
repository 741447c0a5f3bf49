const LONGEST_MS = 24 * 3600 * 1000;

/**
 * A server's wish for when to be asked again, in ms from its answer, from the headers of that answer (names in lower
 * case); undefined when there is none. RFC 9110 section 10.2.3: seconds, or a date, which is read against the server's
 * own `date`, so that the clock of this machine does not matter. Never more than a day.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>): number | undefined {
  const wish = headers['retry-after']?.trim();
  if (wish === undefined || wish === '') return undefined;
  const ms = /^\d+$/.test(wish) ? Number(wish) * 1000 : Date.parse(wish) - Date.parse(headers['date'] ?? '');
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST_MS);
}
